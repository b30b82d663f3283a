/* SPDX-License-Identifier: ISC */
/* net_connect.c: a host's addresses, and the race to the first that answers. Sends nothing. */
#include "net.h"
#include "text.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 8305 8: Connection Attempt Delay. */
#define NEXT_ATTEMPT_MS 250

static void
set_port(struct net_address *a, unsigned port)
{
	if (a->name.any.sa_family == AF_INET6)
		a->name.v6.sin6_port = htons((uint16_t)port);
	else
		a->name.v4.sin_port = htons((uint16_t)port);
}

void
net_set_address(struct net_address *a, int family, const unsigned char *bytes, unsigned port)
{
	*a = (struct net_address){.name.any.sa_family = (sa_family_t)family};
	if (family == AF_INET6) {
		memcpy(&a->name.v6.sin6_addr, bytes, sizeof(a->name.v6.sin6_addr));
		a->len = sizeof(a->name.v6);
	} else {
		memcpy(&a->name.v4.sin_addr, bytes, sizeof(a->name.v4.sin_addr));
		a->len = sizeof(a->name.v4);
	}
	set_port(a, port);
}

void
net_add(struct net_addresses *as, const struct net_address *a)
{
	struct net_address *to = &as->list[as->n];
	size_t i;

	if (as->n == NET_ADDRESSES_MAX)
		return;
	for (i = 0; i < as->n; i++) {
		if (as->list[i].len == a->len && memcmp(&as->list[i].name, &a->name, a->len) == 0)
			return;
	}
	*to = *a;
	to->delay = (unsigned)as->n++ * NEXT_ATTEMPT_MS;
}

void
net_add_port(struct net_addresses *as, unsigned port, unsigned later)
{
	struct net_addresses first = *as;
	size_t i = 0, k = 0;

	if (first.n > NET_ADDRESSES_MAX / 2)
		first.n = NET_ADDRESSES_MAX / 2;
	/* Two lists in the order of their delays become one. */
	for (as->n = 0; i < first.n || k < first.n;) {
		struct net_address *to = &as->list[as->n++];

		if (k == first.n ||
			(i < first.n && first.list[i].delay <= first.list[k].delay + later)) {
			*to = first.list[i++];
			continue;
		}
		*to = first.list[k++];
		to->delay += later;
		set_port(to, port);
	}
}

static struct net_address *
first_untried(struct net_addresses *as)
{
	size_t i;

	for (i = 0; i < as->n; i++) {
		if (!as->list[i].tried)
			return &as->list[i];
	}
	return NULL;
}

bool
net_untried(const struct net_addresses *as)
{
	size_t i;

	for (i = 0; i < as->n; i++) {
		if (!as->list[i].tried)
			return true;
	}
	return false;
}

static void
address_words(const struct net_address *a, char *buf, size_t size)
{
	struct text words;

	text_fixed(&words, buf, size);
	if (a->name.any.sa_family == AF_INET6)
		text_address(&words, (const unsigned char *)&a->name.v6.sin6_addr, 16);
	else
		text_address(&words, (const unsigned char *)&a->name.v4.sin_addr, 4);
}

/* The connects under way. */
struct race {
	struct net_addresses *as;
	size_t n;
	struct pollfd fds[NET_ADDRESSES_MAX];
	struct {
		struct net_address *address;
		int64_t expires;
	} runs[NET_ADDRESSES_MAX];
	struct text causes;
	char causes_buf[1024];
};

static unsigned
port_of(const struct net_address *a)
{
	return ntohs(
		a->name.any.sa_family == AF_INET6 ? a->name.v6.sin6_port : a->name.v4.sin_port);
}

/* The port, too, where there are two (port = auto). */
static void
note_cause(struct race *r, const struct net_address *a, const char *words)
{
	char address[INET6_ADDRSTRLEN];
	bool many = port_of(&r->as->list[0]) != port_of(&r->as->list[r->as->n - 1]);

	address_words(a, address, sizeof(address));
	text_puts(&r->causes, r->causes.len > 0 ? "; " : "");
	if (many)
		text_printf(&r->causes, "port %u of ", port_of(a));
	text_printf(&r->causes, "%s: %s", address, words);
}

static void
drop_run(struct race *r, size_t i, const char *cause)
{
	if (cause != NULL)
		note_cause(r, r->runs[i].address, cause);
	if (r->fds[i].fd != -1)
		(void)close(r->fds[i].fd);
	r->n--;
	r->fds[i] = r->fds[r->n];
	r->runs[i] = r->runs[r->n];
}

/* Begins with the next untried address; false where it failed at once. */
static bool
begin_run(struct race *r, int attempt_ms)
{
	struct net_address *a = first_untried(r->as);
	int fd;

	a->tried = true;
	fd = socket(a->name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || (connect(fd, &a->name.any, a->len) == -1 && errno != EINPROGRESS)) {
		note_cause(r, a, strerror(errno));
		if (fd != -1)
			(void)close(fd);
		return false;
	}
	r->fds[r->n] = (struct pollfd){.fd = fd, .events = POLLOUT};
	r->runs[r->n].address = a;
	r->runs[r->n].expires = net_clock() + attempt_ms;
	r->n++;
	return true;
}

/* Looks at what poll found; returns the index of a connected run, or -1. Counts failures. */
static int
look_at_runs(struct race *r, size_t *failed)
{
	int64_t now = net_clock();
	size_t i = 0;

	while (i < r->n) {
		int cause = 0;
		socklen_t len = sizeof(cause);

		if (r->fds[i].revents != 0) {
			/* POLLOUT alone is a connection; what failed says so besides. */
			if (r->fds[i].revents != POLLOUT &&
				getsockopt(r->fds[i].fd, SOL_SOCKET, SO_ERROR, &cause, &len) == -1)
				cause = errno;
			if (cause == 0)
				return (int)i;
			drop_run(r, i, strerror(cause));
			++*failed;
		} else if (now >= r->runs[i].expires) {
			drop_run(r, i, "no answer");
			++*failed;
		} else
			i++;
	}
	return -1;
}

/* Milliseconds until something is due: the next attempt, an attempt's end, or the deadline. */
static int
until_due(const struct race *r, int64_t next, int64_t deadline)
{
	int64_t now = net_clock(), due = deadline;
	size_t i;

	if (net_untried(r->as) && next < due)
		due = next;
	for (i = 0; i < r->n; i++) {
		if (r->runs[i].expires < due)
			due = r->runs[i].expires;
	}
	return due <= now ? 0 : (int)(due - now);
}

static int
run_race(struct race *r, int attempt_ms, int64_t deadline)
{
	const struct net_address *a, *b;
	int64_t next = 0;
	size_t failed;
	int winner;

	for (;;) {
		while (net_untried(r->as) && (r->n == 0 || net_clock() >= next)) {
			if (net_clock() >= deadline)
				return -1;
			a = first_untried(r->as);
			if (!begin_run(r, attempt_ms))
				continue;
			b = first_untried(r->as);
			next = net_clock() + (b != NULL ? b->delay - a->delay : 0);
		}
		if (r->n == 0 || net_clock() >= deadline)
			return -1;
		if (poll(r->fds, r->n, until_due(r, next, deadline)) == -1 && errno != EINTR)
			return -1;
		failed = 0;
		winner = look_at_runs(r, &failed);
		if (winner != -1)
			return winner;
		if (failed > 0)
			next = 0;
	}
}

int
net_connect(
	struct net *n, struct net_addresses *as, int attempt_ms, int64_t deadline, struct err *e)
{
	struct race r = {.as = as};
	int winner, yes = 1;

	text_fixed(&r.causes, r.causes_buf, sizeof(r.causes_buf));
	winner = run_race(&r, attempt_ms, deadline);
	if (winner != -1) {
		struct net_address *a = r.runs[winner].address;

		n->fd = r.fds[winner].fd;
		n->fault.kind = NET_FINE;
		n->mute = false;
		address_words(a, n->address, sizeof(n->address));
		n->port = port_of(a);
		(void)setsockopt(n->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		r.fds[winner].fd = -1;
	}
	while (r.n > 0) {
		/* What was merely slower may serve later, if this one fails after all. */
		if (winner != -1 && r.fds[0].fd != -1)
			r.runs[0].address->tried = false;
		drop_run(&r, 0, winner == -1 ? "no answer" : NULL);
	}
	if (winner != -1)
		return 0;
	return err_set(e, ERR_TEMP, "cannot connect (%s)",
		r.causes.len > 0 ? r.causes_buf : "no time was left");
}

void
net_own_literal(const struct net *n, char *buf, size_t size)
{
	struct net_address own = {.len = sizeof(own.name)};
	char words[INET6_ADDRSTRLEN] = "127.0.0.1";

	if (getsockname(n->fd, &own.name.any, &own.len) == 0)
		address_words(&own, words, sizeof(words));
	(void)text_format(
		buf, size, own.name.any.sa_family == AF_INET6 ? "[IPv6:%s]" : "[%s]", words);
}
