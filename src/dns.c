/* SPDX-License-Identifier: ISC */
/*
 * dns.c: a host's addresses, out of /etc/hosts or from the name servers (RFC 1035). Both families
 * are asked for at once, all servers at once, and the first answer counts. Keeps nothing.
 */
#include "dns.h"
#include "dns_message.h"
#include "hosts.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_BYTES 4096

/* Once one family has answered: how long the other one is waited for. */
#define GRACE_MS 500
/* Where all servers have refused, they are asked again, but not at once. */
#define PAUSE_MS 500

struct look_up {
	const struct hosts_setup *setup;
	int64_t deadline, end;
	unsigned code; /* of the last answer that is none; DNS_NO_ERROR: nobody answered */
	size_t n;
	struct dns_question questions[2];
	struct pollfd fds[HOSTS_SERVERS_MAX];
	unsigned char reply[REPLY_BYTES];
};

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
ask_by_tcp(struct look_up *l, const struct dns_question *q, const struct net_address *server)
{
	int fd = socket(server->name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	unsigned char packet[2 + sizeof(q->packet)];
	int64_t now = net_clock(), left = (l->end - now) / 2;
	size_t n = 0;

	if (q->found->n > 0 && left > GRACE_MS)
		left = GRACE_MS;

	dns_put_word(packet, q->len);
	memcpy(packet + 2, q->packet, q->len);
	if (fd != -1 && left > 0 &&
		(connect(fd, &server->name.any, server->len) == 0 || errno == EINPROGRESS) &&
		poll(&p, 1, (int)left) == 1 &&
		send(fd, packet, q->len + 2, MSG_NOSIGNAL) == (ssize_t)q->len + 2 &&
		read_stream(fd, packet, 2, now + left) == 2) {
		n = dns_word(packet) < REPLY_BYTES ? dns_word(packet) : REPLY_BYTES;
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
	struct dns_question *q = l->questions;
	size_t before;
	bool whole;

	while (q < l->questions + l->n && (q->answered || !dns_is_answer(q, l->reply, n)))
		q++;
	if (q == l->questions + l->n)
		return;
	before = q->found->n;
	whole = true;
	if ((l->reply[2] & DNS_FLAG_TC) != 0) {
		/* Half an answer is better than none. */
		(void)dns_take_records(q, l->reply, n);
		n = ask_by_tcp(l, q, &l->setup->servers[server]);
		whole = n > 0 && dns_is_answer(q, l->reply, n);
	}
	if (whole && (l->reply[3] & DNS_CODE) == DNS_NO_ERROR)
		whole = dns_take_records(q, l->reply, n) || (l->reply[2] & DNS_FLAG_TC) != 0;
	else if (whole && (l->reply[3] & DNS_CODE) != DNS_NO_NAME) {
		l->code = l->reply[3] & DNS_CODE;
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
sends(int fd, const struct dns_question *q)
{
	return send(fd, q->packet, q->len, MSG_NOSIGNAL) != -1 ||
	       send(fd, q->packet, q->len, MSG_NOSIGNAL) != -1;
}

static void
ask(struct look_up *l)
{
	size_t i, k;

	for (k = 0; k < l->n; k++) {
		struct dns_question *q = &l->questions[k];

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
		if (!dns_put_question(&l->questions[i], name, ids + 2 * i))
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
	char name[DNS_NAME_BYTES + 1];
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
	struct look_up l = {.setup = &setup, .deadline = deadline};
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
			l.questions[l.n++] = (struct dns_question){
				.found = &v6, .type = DNS_TYPE_AAAA, .port = port};
		if (family != AF_INET6)
			l.questions[l.n++] = (struct dns_question){
				.found = &v4, .type = DNS_TYPE_A, .port = port};
		result = search(&l, host);
	}
	take_turns(as, &v6, &v4);
	if (as->n > 0)
		return 0;
	if (result == NOBODY_SAYS)
		return err_set(e, ERR_TEMP, "cannot look up %s: %s", host, code_words(l.code));
	return err_set(e, ERR_HOST, "cannot look up %s: no such name, or no address of it", host);
}
