/* SPDX-License-Identifier: ISC */
/* hosts.c: what /etc/hosts and /etc/resolv.conf say. Asks nobody. */
#include "hosts.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOSTS_FILE  "/etc/hosts"
#define SETUP_FILE  "/etc/resolv.conf"
#define SERVER_PORT 53

/* A file read by lines. Of one that is longer than the buffer what fits counts, in whole words. */
struct lines {
	int fd;
	bool in_line; /* what comes next belongs to a line that was too long */
	size_t at, end;
	char buf[2048];
};

static void
fill(struct lines *l)
{
	size_t room;
	ssize_t got;

	memmove(l->buf, l->buf + l->at, l->end - l->at);
	l->end -= l->at;
	l->at = 0;
	room = sizeof(l->buf) - 1 - l->end;
	if (l->fd == -1 || room == 0)
		return;
	do
		got = read(l->fd, l->buf + l->end, room);
	while (got == -1 && errno == EINTR);
	if (got > 0)
		l->end += (size_t)got;
	/* A file gives what is asked for until it ends. */
	if (got < (ssize_t)room) {
		(void)close(l->fd);
		l->fd = -1;
	}
}

static const char blanks[] = " \t\r\v\f";

/* The next line, or a part of one that is too long; NULL: there is none, and the file is closed. */
static char *
next_part(struct lines *l)
{
	char *line, *end;

	if (memchr(l->buf + l->at, '\n', l->end - l->at) == NULL)
		fill(l);
	if (l->at == l->end)
		return NULL;
	line = l->buf + l->at;
	end = memchr(line, '\n', l->end - l->at);
	l->at = end != NULL ? (size_t)(end + 1 - l->buf) : l->end;
	l->in_line = end == NULL;
	if (end == NULL)
		end = l->buf + l->end;
	/* The file goes on: so may the last word. */
	while (l->in_line && l->fd != -1 && end > line && strchr(blanks, end[-1]) == NULL)
		end--;
	*end = '\0';
	return line;
}

/* The next line without its comment, or NULL. */
static char *
next_line(struct lines *l)
{
	bool is_rest;
	char *line;

	do {
		is_rest = l->in_line;
		line = next_part(l);
	} while (is_rest && line != NULL);
	if (line != NULL)
		line[strcspn(line, "#;")] = '\0';
	return line;
}

static void
open_lines(struct lines *l, const char *path)
{
	l->at = l->end = 0;
	l->in_line = false;
	l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* The next word of the line, or "". */
static char *
next_word(char **line)
{
	char *word = *line + strspn(*line, blanks);

	*line = word + strcspn(word, blanks);
	if (**line != '\0')
		*(*line)++ = '\0';
	return word;
}

bool
hosts_literal(struct net_address *a, const char *text, int family, unsigned port)
{
	unsigned char bytes[16];

	if (family != AF_INET6 && inet_pton(AF_INET, text, bytes) == 1)
		net_set_address(a, AF_INET, bytes, port);
	else if (family != AF_INET && inet_pton(AF_INET6, text, bytes) == 1)
		net_set_address(a, AF_INET6, bytes, port);
	else
		return false;
	return true;
}

bool
hosts_find(struct net_addresses *v6, struct net_addresses *v4, const char *name, int family,
	unsigned port)
{
	size_t n = strlen(name);
	struct lines lines;
	struct net_address a;
	bool found = false, is_literal;
	char *line, *word, *literal;

	if (n > 0 && name[n - 1] == '.')
		n--;
	open_lines(&lines, HOSTS_FILE);
	while ((line = next_line(&lines)) != NULL) {
		literal = next_word(&line);
		is_literal = hosts_literal(&a, literal, AF_UNSPEC, port);
		while (is_literal && *(word = next_word(&line)) != '\0') {
			if (!text_same_n(name, n, word))
				continue;
			found = true;
			if (family == AF_UNSPEC || family == a.name.any.sa_family)
				net_add(a.name.any.sa_family == AF_INET6 ? v6 : v4, &a);
			break;
		}
	}
	return found;
}

/* The number of an interface; 0 where there is none. */
static unsigned
index_of(const char *name)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;
	bool known;

	known = fd != -1 && text_format(request.ifr_name, sizeof(request.ifr_name), "%s", name) &&
		ioctl(fd, SIOCGIFINDEX, &request) == 0;
	if (fd != -1)
		(void)close(fd);
	return known ? (unsigned)request.ifr_ifindex : 0;
}

/* A link-local server has its interface behind a %. */
static void
add_server(struct hosts_setup *s, char *text)
{
	struct net_address *a = &s->servers[s->n];
	char *zone = strchr(text, '%');

	if (zone != NULL)
		*zone++ = '\0';
	if (s->n == HOSTS_SERVERS_MAX || !hosts_literal(a, text, AF_UNSPEC, SERVER_PORT))
		return;
	if (zone != NULL && a->name.any.sa_family == AF_INET6)
		a->name.v6.sin6_scope_id = index_of(zone);
	s->n++;
}

static void
set_option(struct hosts_setup *s, const char *word)
{
	const struct {
		const char *name;
		unsigned *field;
		unsigned min, max;
	} rows[] = {
		{"ndots:",    &s->dots,     0, 15},
		{"timeout:",  &s->timeout,  1, 60},
		{"attempts:", &s->attempts, 1, 10},
	};
	size_t i, n;
	long long value;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = strlen(rows[i].name);
		if (strncmp(word, rows[i].name, n) != 0)
			continue;
		value = text_number(word + n, INT32_MAX);
		if (value >= rows[i].min)
			*rows[i].field = value < rows[i].max ? (unsigned)value : rows[i].max;
	}
}

void
hosts_setup(struct hosts_setup *s)
{
	struct lines lines;
	char *line, *key, *word;

	*s = (struct hosts_setup){.dots = 1, .timeout = 5, .attempts = 2};
	open_lines(&lines, SETUP_FILE);
	while ((line = next_line(&lines)) != NULL) {
		key = next_word(&line);
		if (strcmp(key, "nameserver") == 0)
			add_server(s, next_word(&line));
		else if (strcmp(key, "search") == 0 || strcmp(key, "domain") == 0)
			(void)text_format(s->search, sizeof(s->search), "%s", line);
		else if (strcmp(key, "options") == 0)
			while (*(word = next_word(&line)) != '\0')
				set_option(s, word);
	}
	if (s->n == 0 && hosts_literal(&s->servers[0], "127.0.0.1", AF_INET, SERVER_PORT))
		s->n = 1;
}
