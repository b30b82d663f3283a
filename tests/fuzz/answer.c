/* SPDX-License-Identifier: ISC */
/*
 * answer.c: what answers our question, what /etc/hosts has (dns.c, dns_message.c, hosts.c). What
 * answers no question adds nothing; a second reader of replies and of hosts agrees with ours.
 *
 * Input: two options, hosts, form feed, resolv.conf, form feed, then datagrams, each behind a byte
 * with its length; 255 is a pause instead. What a TCP connection gives is the next one, too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

enum { HOSTS_FD = 100, SETUP_FD, SOCKET_FD };

static struct fuzz_input hosts, servers, script;
static size_t hosts_at, setup_at, step;
static int64_t now_ms;

static int
fake_open(const char *path, int flags)
{
	(void)flags;
	hosts_at = setup_at = 0;
	return strcmp(path, "/etc/hosts") == 0 ? HOSTS_FD : SETUP_FD;
}

/* A file gives what is asked for until it ends. */
static ssize_t
fake_read(int fd, void *buf, size_t n)
{
	const struct fuzz_input *file = fd == HOSTS_FD ? &hosts : &servers;
	size_t *at = fd == HOSTS_FD ? &hosts_at : &setup_at;

	must(fd == HOSTS_FD || fd == SETUP_FD);
	n = n < file->n - *at ? n : file->n - *at;
	if (n > 0)
		memcpy(buf, file->at + *at, n);
	*at += n;
	return (ssize_t)n;
}

static int
fake_close(int fd)
{
	must(fd >= HOSTS_FD);
	return 0;
}

static int
fake_ioctl(int fd, unsigned long what, void *request)
{
	(void)fd;
	(void)what;
	((struct ifreq *)request)->ifr_ifindex = 7;
	return 0;
}

static int
fake_socket(int family, int type, int protocol)
{
	(void)type;
	(void)protocol;
	return family == AF_INET || family == AF_INET6 ? SOCKET_FD : -1;
}

static int
fake_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	(void)fd;
	(void)to;
	return n > 0 ? 0 : -1;
}

static ssize_t
fake_send(int fd, const void *buf, size_t n, int flags)
{
	(void)fd;
	(void)buf;
	(void)flags;
	return (ssize_t)n;
}

/* The next datagram; false where time passes instead. */
static bool
next_datagram(struct fuzz_input *out)
{
	size_t n;

	*out = (struct fuzz_input){script.at, 0};
	if (script.n == 0)
		return false;
	n = (unsigned char)*script.at++;
	script.n--;
	if (n == 255)
		return false;
	out->at = script.at;
	out->n = n < script.n ? n : script.n;
	script.at += out->n;
	script.n -= out->n;
	return true;
}

static int
fake_poll(struct pollfd *fds, nfds_t n, int wait)
{
	nfds_t i;

	must(wait >= 0);
	if (script.n == 0 || (unsigned char)*script.at == 255) {
		now_ms += wait > 0 ? wait : 1;
		if (script.n > 0) {
			script.at++;
			script.n--;
		}
		return 0;
	}
	now_ms++;
	for (i = 0; i < n; i++)
		fds[i].revents = fds[i].fd == -1 ? 0 : fds[i].events;
	return 1;
}

static ssize_t
fake_recv(int fd, void *buf, size_t n, int flags)
{
	struct fuzz_input in;

	(void)fd;
	(void)flags;
	if (!next_datagram(&in)) {
		errno = EAGAIN;
		return -1;
	}
	if (n > step)
		n = step;
	n = n < in.n ? n : in.n;
	memcpy(buf, in.at, n);
	return (ssize_t)n;
}

static ssize_t
fake_getrandom(void *buf, size_t n, unsigned flags)
{
	(void)flags;
	memcpy(buf, "abcd", n);
	return (ssize_t)n;
}

static int
fake_clock(clockid_t id, struct timespec *to)
{
	(void)id;
	*to = (struct timespec){now_ms / 1000, now_ms % 1000 * 1000000};
	return 0;
}

#define open          fake_open
#define read          fake_read
#define close         fake_close
#define ioctl         fake_ioctl
#define socket        fake_socket
#define connect       fake_connect
#define send          fake_send
#define recv          fake_recv
#define poll          fake_poll
#define getrandom     fake_getrandom
#define clock_gettime fake_clock
/* The server in memory has these, too. */
#define net_add             own_net_add
#define net_add_port        own_net_add_port
#define net_clock           own_net_clock
#define net_close           own_net_close
#define net_connect         own_net_connect
#define net_hold_signals    own_net_hold_signals
#define net_init            own_net_init
#define net_own_literal     own_net_own_literal
#define net_pause           own_net_pause
#define net_read            own_net_read
#define net_release_signals own_net_release_signals
#define net_set_address     own_net_set_address
#define net_untried         own_net_untried
#define net_wait            own_net_wait
#define net_write           own_net_write
#include "../../src/dns.c"
#include "../../src/dns_message.c"
#include "../../src/hosts.c"
#include "../../src/net.c"
#include "../../src/net_connect.c"

#define TEXT_MAX 4096
#define PORT     587

static bool
is_in(const char *at, size_t n, const unsigned char *bytes, size_t len)
{
	return n > 0 && memmem(at, n, bytes, len) != NULL;
}

static const unsigned char *
bytes_of(const struct net_address *a, size_t *n)
{
	if (a->name.any.sa_family == AF_INET6) {
		must(a->len == sizeof(a->name.v6) && a->name.v6.sin6_port == htons(PORT));
		*n = 16;
		return (const unsigned char *)&a->name.v6.sin6_addr;
	}
	must(a->name.any.sa_family == AF_INET && a->len == sizeof(a->name.v4));
	must(a->name.v4.sin_port == htons(PORT));
	*n = 4;
	return (const unsigned char *)&a->name.v4.sin_addr;
}

/* Written another way: does this datagram answer a question for that name? */
static bool
answers(const struct fuzz_input *in, const char *name, const char *id, unsigned type)
{
	unsigned char question[300];
	size_t n = 0, i;
	char copy[300], *label, *state;

	(void)text_format(copy, sizeof(copy), "%s", name);
	for (label = strtok_r(copy, ".", &state); label != NULL;
		label = strtok_r(NULL, ".", &state)) {
		question[n++] = (unsigned char)strlen(label);
		for (i = 0; label[i] != '\0'; i++)
			question[n++] = (unsigned char)text_lower(label[i]);
	}
	memcpy(question + n, "\0\0\0\0\1", 5);
	question[n + 2] = (unsigned char)type;
	n += 5;
	if (in->n < 12 + n || memcmp(in->at, id, 2) != 0 || (in->at[2] & 0x80) == 0 ||
		(in->at[2] & 0x78) != 0 || in->at[4] != 0 || in->at[5] != 1)
		return false;
	for (i = 0; i < n; i++) {
		if ((unsigned char)text_lower(in->at[12 + i]) != question[i])
			return false;
	}
	return true;
}

/* One datagram alone, in a buffer that ends where it ends. */
static void
check_datagram(const struct fuzz_input *in)
{
	static struct net_addresses found;
	struct dns_question q = {
		.found = &found, .type = in->n % 2 == 0 ? DNS_TYPE_A : DNS_TYPE_AAAA, .port = PORT};
	unsigned char *copy = malloc(in->n > 0 ? in->n : 1);
	const unsigned char *bytes;
	size_t i, n;

	memcpy(copy, in->at, in->n);
	found.n = 0;
	must(dns_put_question(&q, "mail.test", (const unsigned char *)"ab"));
	must(dns_is_answer(&q, copy, in->n) == answers(in, "mail.test", "ab", q.type));
	if (dns_is_answer(&q, copy, in->n)) {
		(void)dns_take_records(&q, copy, in->n);
		must(found.n <= NET_ADDRESSES_MAX && found.n <= dns_word(copy + 6));
		for (i = 0; i < found.n; i++) {
			bytes = bytes_of(&found.list[i], &n);
			must(n == (q.type == DNS_TYPE_A ? 4 : 16) &&
				is_in(in->at, in->n, bytes, n));
		}
	}
	free(copy);
}

/* Written another way: does /etc/hosts know the name? Of lines that fit, without NUL. */
static bool
is_known(const char *name)
{
	static char copy[TEXT_MAX + 1];
	char *line, *word, *lines, *words;
	unsigned char bytes[16];
	bool found = false, is_address;

	memcpy(copy, hosts.at, hosts.n);
	copy[hosts.n] = '\0';
	for (line = strtok_r(copy, "\n", &lines); line != NULL;
		line = strtok_r(NULL, "\n", &lines)) {
		line[strcspn(line, "#;")] = '\0';
		word = strtok_r(line, " \t\r\v\f", &words);
		is_address = word != NULL && (inet_pton(AF_INET, word, bytes) == 1 ||
						     inet_pton(AF_INET6, word, bytes) == 1);
		while (is_address && (word = strtok_r(NULL, " \t\r\v\f", &words)) != NULL)
			found = found || text_same(word, name);
	}
	return found;
}

static void
check_hosts(const char *name)
{
	static struct net_addresses v6, v4;
	bool found;

	v6.n = v4.n = 0;
	found = hosts_find(&v6, &v4, name, AF_UNSPEC, PORT);
	must(v6.n <= NET_ADDRESSES_MAX && v4.n <= NET_ADDRESSES_MAX);
	must(found == (v6.n + v4.n > 0));
	if (hosts.n < 2000 && memchr(hosts.at, '\0', hosts.n) == NULL)
		must(found == is_known(name));
}

static void
check_setup(struct hosts_setup *s)
{
	size_t i;

	hosts_setup(s);
	must(s->n >= 1 && s->n <= HOSTS_SERVERS_MAX && s->dots <= 15);
	must(s->timeout >= 1 && s->timeout <= 60 && s->attempts >= 1 && s->attempts <= 10);
	must(memchr(s->search, '\0', sizeof(s->search)) != NULL && strchr(s->search, '\n') == NULL);
	must(s->search[0] == '\0' ||
		is_in(servers.at, servers.n, (unsigned char *)s->search, strlen(s->search)));
	for (i = 0; i < s->n; i++)
		must(s->servers[i].name.v4.sin_port == htons(53));
}

/* True where one of the datagrams answers a question for the name, or for it in a search domain. */
static bool
is_answered(struct fuzz_input all, const char *name, char *search_list)
{
	struct fuzz_input saved = script, in;
	char domains[3000], *domain, *state, full[DNS_NAME_BYTES + 1];
	bool found = false;

	script = all;
	while (script.n > 0) {
		(void)next_datagram(&in);
		/* What TCP brings is put together out of several. */
		found = found || (in.n > 2 && (in.at[2] & DNS_FLAG_TC) != 0) ||
			answers(&in, name, "ab", DNS_TYPE_AAAA) ||
			answers(&in, name, "ab", DNS_TYPE_A) ||
			answers(&in, name, "cd", DNS_TYPE_A);
		(void)text_format(domains, sizeof(domains), "%s", search_list);
		for (domain = strtok_r(domains, " \t", &state); domain != NULL && !found;
			domain = strtok_r(NULL, " \t", &state)) {
			if (text_format(full, sizeof(full), "%s.%s", name, domain))
				found = answers(&in, full, "ab", DNS_TYPE_AAAA) ||
					answers(&in, full, "ab", DNS_TYPE_A) ||
					answers(&in, full, "cd", DNS_TYPE_A);
		}
	}
	script = saved;
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"mail.test", "mail", "mail.test.", "m"};
	static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
	static struct hosts_setup s;
	struct fuzz_input in = {(const char *)data, size}, all, one;
	unsigned option = fuzz_option(&in), piece = fuzz_option(&in);
	const char *name = names[option % 4];
	int family = families[option / 4 % 3];
	struct net_addresses as;
	struct err e;
	size_t i, n;

	if (in.n > TEXT_MAX)
		return 0;
	hosts = fuzz_part(&in);
	servers = fuzz_part(&in);
	all = script = in;
	step = piece > 0 ? piece : TEXT_MAX;
	now_ms = 1000;
	while (script.n > 0) {
		if (next_datagram(&one))
			check_datagram(&one);
	}
	check_hosts("mail.test");
	check_setup(&s);
	script = all;
	err_clear(&e);
	if (dns_resolve(&as, name, PORT, family, now_ms + 20000, &e) == -1) {
		must(e.kind == (ERR_TEMP) || e.kind == ERR_HOST);
		as.n = 0;
	} else
		must(as.n > 0 && e.kind == ERR_NONE);
	must(as.n <= NET_ADDRESSES_MAX && now_ms <= 1000 + 20000 + (int64_t)size);
	for (i = 0; i < as.n; i++) {
		(void)bytes_of(&as.list[i], &n);
		must(family == AF_UNSPEC || as.list[i].name.any.sa_family == family);
	}
	if (as.n > 0 && hosts.n == 0 && step == TEXT_MAX)
		must(is_answered(all, name, s.search));
	return 0;
}
