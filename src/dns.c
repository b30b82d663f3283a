/* SPDX-License-Identifier: ISC */
/*
 * dns.c: a host's addresses, out of /etc/hosts or from the name servers (RFC 1035). Both families
 * are asked for at once, all servers at once, and the first answer counts. Keeps nothing.
 */
#include "dns.h"
#include "hosts.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD        12
#define NAME_BYTES  255
#define REPLY_BYTES 4096

/* Once one family has answered: how long the other one is waited for. */
#define GRACE_MS 500
/* Where all servers have refused, they are asked again, but not at once. */
#define PAUSE_MS 500

/* RFC 1035 3.2, 4.1; RFC 3596 2.1. */
enum { TYPE_A = 1, TYPE_AAAA = 28, CLASS_IN = 1 };
enum { FLAG_QR = 0x80, FLAG_TC = 2, FLAG_RD = 1, CODE = 15, NO_ERROR = 0, NO_NAME = 3 };

struct question {
	struct net_addresses *found;
	unsigned type;
	bool answered;
	unsigned refused; /* a bit for each server that won't answer, in this round */
	size_t len;
	unsigned char packet[HEAD + NAME_BYTES + 4];
};

struct look_up {
	const struct hosts_setup *setup;
	unsigned port;
	int64_t deadline, end;
	unsigned code; /* of the last answer that is none; NO_ERROR: nobody answered */
	size_t n;
	struct question questions[2];
	struct pollfd fds[HOSTS_SERVERS_MAX];
	unsigned char reply[REPLY_BYTES];
};

static size_t
word_at(const unsigned char *at)
{
	return (size_t)at[0] << 8 | at[1];
}

static void
put_word(unsigned char *at, size_t word)
{
	at[0] = (unsigned char)(word >> 8);
	at[1] = (unsigned char)word;
}

/* Writes the name as labels; returns their bytes, 0 where it can't be one. */
static size_t
put_name(unsigned char *to, const char *name)
{
	size_t used = 0, n;

	for (; *name != '\0'; name += n + (name[n] == '.')) {
		n = strcspn(name, ".");
		if (n == 0 || n > 63 || used + n + 2 > NAME_BYTES)
			return 0;
		to[used] = (unsigned char)n;
		memcpy(to + used + 1, name, n);
		used += n + 1;
	}
	to[used] = 0;
	return used > 0 ? used + 1 : 0;
}

static bool
put_question(struct question *q, const char *name, const unsigned char id[2])
{
	static const unsigned char head[HEAD] = {[2] = FLAG_RD, [5] = 1};
	size_t n = put_name(q->packet + HEAD, name);

	if (n == 0)
		return false;
	memcpy(q->packet, head, sizeof(head));
	memcpy(q->packet, id, 2);
	put_word(q->packet + HEAD + n, q->type);
	put_word(q->packet + HEAD + n + 2, CLASS_IN);
	q->len = HEAD + n + 4;
	q->answered = false;
	return true;
}

/* Where a name ends: at a root label, or with a pointer, which nobody has to follow. */
static size_t
skip_name(const unsigned char *at, size_t n, size_t i)
{
	while (i < n && at[i] != 0 && at[i] < 0xc0)
		i += 1 + (size_t)at[i];
	return i < n && at[i] != 0 ? i + 2 : i + 1;
}

/* Takes the addresses out of an answer's records; false where they can't be read. */
static bool
take_records(const struct look_up *l, struct question *q, const unsigned char *at, size_t n)
{
	size_t i = q->len, left = word_at(at + 6), size;
	size_t address = q->type == TYPE_AAAA ? 16 : 4;
	struct net_address a;

	for (; left > 0; left--, i += size) {
		i = skip_name(at, n, i);
		if (i + 10 > n)
			return false;
		size = word_at(at + i + 8);
		i += 10;
		if (i + size > n)
			return false;
		if (word_at(at + i - 10) != q->type || word_at(at + i - 8) != CLASS_IN)
			continue;
		if (size != address)
			return false;
		net_set_address(&a, q->type == TYPE_AAAA ? AF_INET6 : AF_INET, at + i, l->port);
		net_add(q->found, &a);
	}
	return true;
}

/* RFC 5452 9: the same id and the same question. Names have no case, and some servers change it. */
static bool
is_answer(const struct question *q, const unsigned char *at, size_t n)
{
	const char *question = (const char *)q->packet, *answer = (const char *)at;
	size_t i;

	if (n < q->len || memcmp(at, q->packet, 2) != 0 || (at[2] & (FLAG_QR | 0x78)) != FLAG_QR ||
		word_at(at + 4) != 1)
		return false;
	for (i = HEAD; i < q->len; i++) {
		if (text_lower(question[i]) != text_lower(answer[i]))
			return false;
	}
	return true;
}

/* What came over one connection, until it has n bytes or ends. */
static size_t
read_stream(int fd, unsigned char *to, size_t n, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t done = 0;
	ssize_t got = 1;

	while (done < n && got > 0) {
		int64_t left = end - net_clock();

		if (left <= 0 || poll(&p, 1, (int)left) == 0)
			break;
		got = recv(fd, to + done, n - done, 0);
		if (got == -1 && (errno == EINTR || errno == EAGAIN))
			got = 1;
		else if (got > 0)
			done += (size_t)got;
	}
	return done;
}

/*
 * RFC 7766: what is too long for a datagram. Returns the bytes of the answer in l->reply, or 0. Takes
 * no more than half of the time: meanwhile nobody hears what else is answered.
 */
static size_t
ask_by_tcp(struct look_up *l, const struct question *q, const struct net_address *server)
{
	int fd = socket(server->name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	unsigned char packet[2 + sizeof(q->packet)];
	int64_t now = net_clock(), left = (l->end - now) / 2;
	size_t n = 0;

	if (q->found->n > 0 && left > GRACE_MS)
		left = GRACE_MS;

	put_word(packet, q->len);
	memcpy(packet + 2, q->packet, q->len);
	if (fd != -1 && left > 0 &&
		(connect(fd, &server->name.any, server->len) == 0 || errno == EINPROGRESS) &&
		poll(&p, 1, (int)left) == 1 &&
		send(fd, packet, q->len + 2, MSG_NOSIGNAL) == (ssize_t)q->len + 2 &&
		read_stream(fd, packet, 2, now + left) == 2) {
		n = word_at(packet) < REPLY_BYTES ? word_at(packet) : REPLY_BYTES;
		n = read_stream(fd, l->reply, n, now + left);
	}
	if (fd != -1)
		(void)close(fd);
	return n;
}

/* l->reply holds n bytes from that server, perhaps an answer. */
static void
take_answer(struct look_up *l, size_t n, size_t server)
{
	struct question *q = l->questions;
	size_t before;
	bool whole;

	while (q < l->questions + l->n && (q->answered || !is_answer(q, l->reply, n)))
		q++;
	if (q == l->questions + l->n)
		return;
	before = q->found->n;
	whole = true;
	if ((l->reply[2] & FLAG_TC) != 0) {
		/* Half an answer is better than none. */
		(void)take_records(l, q, l->reply, n);
		n = ask_by_tcp(l, q, &l->setup->servers[server]);
		whole = n > 0 && is_answer(q, l->reply, n);
	}
	if (whole && (l->reply[3] & CODE) == NO_ERROR)
		whole = take_records(l, q, l->reply, n) || (l->reply[2] & FLAG_TC) != 0;
	else if (whole && (l->reply[3] & CODE) != NO_NAME) {
		l->code = l->reply[3] & CODE;
		whole = false;
	}
	if (whole || q->found->n > before)
		q->answered = true;
	else
		q->refused |= 1U << server;
}

/* Connected sockets: the kernel drops what comes from elsewhere, and tells when nobody listens. */
static void
open_servers(struct look_up *l)
{
	size_t i;

	for (i = 0; i < l->setup->n; i++) {
		const struct net_address *a = &l->setup->servers[i];
		int fd =
			socket(a->name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd != -1 && connect(fd, &a->name.any, a->len) == -1) {
			(void)close(fd);
			fd = -1;
		}
		l->fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
}

/* At the second time, too: the first may only have told that an earlier datagram came back. */
static bool
sends(int fd, const struct question *q)
{
	return send(fd, q->packet, q->len, MSG_NOSIGNAL) != -1 ||
	       send(fd, q->packet, q->len, MSG_NOSIGNAL) != -1;
}

static void
ask(struct look_up *l)
{
	size_t i, k;

	for (k = 0; k < l->n; k++) {
		struct question *q = &l->questions[k];

		q->refused = 0;
		for (i = 0; i < l->setup->n && !q->answered; i++) {
			if (l->fds[i].fd == -1 || !sends(l->fds[i].fd, q))
				q->refused |= 1U << i;
		}
	}
}

static void
hear(struct look_up *l, size_t server)
{
	ssize_t got = recv(l->fds[server].fd, l->reply, sizeof(l->reply), 0);
	size_t k;

	if (got >= 0)
		take_answer(l, (size_t)got, server);
	else if (errno != EAGAIN && errno != EINTR) {
		for (k = 0; k < l->n; k++)
			l->questions[k].refused |= 1U << server;
	}
}

/* How many questions are still open, and how many of them may yet be answered in this round. */
static size_t
still_open(const struct look_up *l, size_t *hopeful)
{
	unsigned all = (1U << l->setup->n) - 1;
	size_t k, open = 0;

	*hopeful = 0;
	for (k = 0; k < l->n; k++) {
		open += !l->questions[k].answered;
		*hopeful += !l->questions[k].answered && l->questions[k].refused != all;
	}
	return open;
}

static bool
has_found(const struct look_up *l)
{
	return l->questions[0].found->n > 0 || l->questions[l->n - 1].found->n > 0;
}

/* Asks once, and hears until `until`; what all refuse is over sooner. */
static void
ask_round(struct look_up *l, int64_t until)
{
	bool paused = false;
	size_t hopeful, i;
	int64_t now;

	ask(l);
	for (;;) {
		now = net_clock();
		if (still_open(l, &hopeful) == 0 || now >= until || now >= l->end)
			return;
		if (hopeful == 0 && has_found(l))
			return;
		if (hopeful == 0 && !paused) {
			paused = true;
			until = now + PAUSE_MS < until ? now + PAUSE_MS : until;
		}
		if (until > l->end)
			until = l->end;
		if (poll(l->fds, l->setup->n, (int)(until - now)) <= 0)
			continue;
		for (i = 0; i < l->setup->n; i++) {
			if (l->fds[i].revents != 0)
				hear(l, i);
		}
		if (has_found(l) && net_clock() + GRACE_MS < l->end)
			l->end = net_clock() + GRACE_MS;
	}
}

enum result { FOUND, NOT_THERE, NOBODY_SAYS };

static enum result
look_up(struct look_up *l, const char *name)
{
	int64_t interval = (int64_t)l->setup->timeout * 1000 / l->setup->attempts;
	unsigned char ids[4];
	unsigned turn;
	size_t i, hopeful;

	if (getrandom(ids, sizeof(ids), 0) != (ssize_t)sizeof(ids))
		return NOBODY_SAYS;
	for (i = 0; i < l->n; i++) {
		if (!put_question(&l->questions[i], name, ids + 2 * i))
			return NOT_THERE;
	}
	l->end = net_clock() + (int64_t)l->setup->timeout * 1000;
	if (l->end > l->deadline)
		l->end = l->deadline;
	open_servers(l);
	for (turn = 0; turn < l->setup->attempts && still_open(l, &hopeful) > 0; turn++) {
		if (has_found(l) || net_clock() >= l->end)
			break;
		ask_round(l, net_clock() + interval);
	}
	for (i = 0; i < l->setup->n; i++) {
		if (l->fds[i].fd != -1)
			(void)close(l->fds[i].fd);
	}
	return has_found(l) ? FOUND : still_open(l, &hopeful) == 0 ? NOT_THERE : NOBODY_SAYS;
}

/* The name in each search domain, where it has few dots; then as it is. */
static enum result
search(struct look_up *l, const char *host)
{
	const char *domain = l->setup->search, *c;
	unsigned dots = 0;
	char name[NAME_BYTES + 1];
	enum result result;
	size_t n;

	for (c = host; *c != '\0'; c++)
		dots += *c == '.';
	if (dots >= l->setup->dots || (c > host && c[-1] == '.'))
		domain = "";
	for (domain += strspn(domain, " \t"); *domain != '\0'; domain += strspn(domain, " \t")) {
		n = strcspn(domain, " \t");
		if (text_format(name, sizeof(name), "%s.%.*s", host, (int)n, domain)) {
			result = look_up(l, name);
			if (result != NOT_THERE)
				return result;
		}
		domain += n;
	}
	return look_up(l, host);
}

/* RFC 8305 4: the families take turns. */
static void
take_turns(struct net_addresses *as, const struct net_addresses *v6, const struct net_addresses *v4)
{
	size_t i;

	for (i = 0; i < v6->n || i < v4->n; i++) {
		if (i < v6->n)
			net_add(as, &v6->list[i]);
		if (i < v4->n)
			net_add(as, &v4->list[i]);
	}
}

static const char *
code_words(unsigned code)
{
	return code == 2   ? "the name server fails (SERVFAIL)"
	       : code == 5 ? "the name server refuses to answer (REFUSED)"
	       : code != 0 ? "the name server doesn't understand the question"
			   : "no answer from a name server";
}

int
dns_resolve(struct net_addresses *as, const char *host, unsigned port, int family, int64_t deadline,
	struct err *e)
{
	struct net_addresses v6 = {.n = 0}, v4 = {.n = 0};
	struct hosts_setup setup;
	struct look_up l = {.setup = &setup, .port = port, .deadline = deadline};
	struct net_address a;
	enum result result = FOUND;

	as->n = 0;
	if (net_clock() >= deadline)
		return err_set(e, ERR_TEMP, "cannot look up %s: no time was left", host);
	if (hosts_literal(&a, host, AF_UNSPEC, port)) {
		if (family == AF_UNSPEC || family == a.name.any.sa_family)
			net_add(as, &a);
	} else if (!hosts_find(&v6, &v4, host, family, port)) {
		hosts_setup(&setup);
		if (family != AF_INET)
			l.questions[l.n++] = (struct question){.found = &v6, .type = TYPE_AAAA};
		if (family != AF_INET6)
			l.questions[l.n++] = (struct question){.found = &v4, .type = TYPE_A};
		result = search(&l, host);
	}
	take_turns(as, &v6, &v4);
	if (as->n > 0)
		return 0;
	if (result == NOBODY_SAYS)
		return err_set(e, ERR_TEMP, "cannot look up %s: %s", host, code_words(l.code));
	return err_set(e, ERR_HOST, "cannot look up %s: no such name, or no address of it", host);
}
