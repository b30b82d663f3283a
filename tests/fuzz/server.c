/* SPDX-License-Identifier: ISC */
/* server.c: net.h without a network: a server that says what the input says. */
#include "fuzz.h"
#include "net.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

struct fuzz_bytes fuzz_sent, fuzz_said;
size_t fuzz_heard;
unsigned fuzz_connections;

static struct fuzz_input script, stream; /* stream: what is left of a reply by TCP */
static size_t step, turn_end;
static bool is_eager, spoken_to;
static int64_t now;

static size_t
end_of_turn(size_t at)
{
	const char *end = at < script.n ? memchr(script.at + at, '\f', script.n - at) : NULL;

	return end != NULL ? (size_t)(end - script.at) : script.n;
}

void
fuzz_server(struct fuzz_input s, size_t piece, bool eager)
{
	script = s;
	step = piece > 0 ? piece : script.n + 1;
	is_eager = eager;
	spoken_to = false;
	fuzz_heard = 0;
	turn_end = end_of_turn(0);
	fuzz_sent.n = 0;
	fuzz_said.n = 0;
	stream.n = 0;
	fuzz_connections = 0;
	now = 0;
}

static void
next_turn(void)
{
	fuzz_heard = turn_end < script.n ? turn_end + 1 : turn_end;
	turn_end = end_of_turn(fuzz_heard);
	spoken_to = false;
}

static int
fail(struct net *n, enum net_fault_kind kind)
{
	if (n->fault.kind == NET_FINE)
		n->fault.kind = kind;
	return -1;
}

int64_t
net_clock(void)
{
	return now;
}

void
net_init(struct net *n)
{
	*n = (struct net){.fd = -1, .signal_fd = -1};
}

void
net_add_port(struct net_addresses *as, unsigned port, unsigned later)
{
	(void)as;
	(void)port;
	(void)later;
}

bool
net_untried(const struct net_addresses *as)
{
	return as->n > 0;
}

/* A later connection goes on in the script. */
int
net_connect(
	struct net *n, struct net_addresses *as, int attempt_ms, int64_t deadline, struct err *e)
{
	(void)attempt_ms;
	(void)deadline;
	as->n--;
	if (fuzz_connections > 0)
		next_turn();
	if (fuzz_heard == script.n)
		return err_set(e, ERR_TEMP, "connection refused");
	fuzz_connections++;
	n->fd = 3;
	n->port = 587;
	n->fault = (struct net_fault){NET_FINE, 0};
	n->mute = false;
	memcpy(n->address, "192.0.2.1", 10);
	return 0;
}

void
net_own_literal(const struct net *n, char *buf, size_t size)
{
	(void)n;
	(void)text_format(buf, size, "[192.0.2.2]");
}

void
net_close(struct net *n)
{
	n->fd = -1;
}

int
net_pause(struct net *n, int64_t until)
{
	n->fault.kind = NET_FINE;
	if (until > now)
		now = until;
	return 0;
}

int
net_wait(struct net *n, short events, int64_t deadline)
{
	now++;
	if ((events & POLLIN) != 0 && fuzz_heard == turn_end && spoken_to &&
		(is_eager || deadline != NET_AT_ONCE))
		next_turn();
	if ((events & POLLIN) != 0 && fuzz_heard < turn_end)
		return POLLIN | (events & POLLOUT);
	if ((events & POLLOUT) != 0)
		return POLLOUT;
	if (deadline == NET_AT_ONCE || now > 2000000)
		return fail(n, NET_TIMEOUT);
	return fail(n, NET_EOF);
}

static ssize_t
receive(void *data, const char *at, size_t n)
{
	memcpy(data, at, n);
	memcpy(fuzz_said.at + fuzz_said.n, at, n);
	fuzz_said.n += n;
	return (ssize_t)n;
}

ssize_t
net_read(struct net *n, void *buf, size_t size)
{
	size_t left = turn_end - fuzz_heard;

	if (left == 0)
		return fail(n, NET_EOF);
	if (size > step)
		size = step;
	if (size > left)
		size = left;
	fuzz_heard += size;
	return receive(buf, script.at + fuzz_heard - size, size);
}

ssize_t
net_write(struct net *n, const void *buf, size_t len)
{
	if (len > sizeof(fuzz_sent.at) - fuzz_sent.n)
		return fail(n, NET_EOF);
	memcpy(fuzz_sent.at + fuzz_sent.n, buf, len);
	fuzz_sent.n += len;
	n->sent += len;
	spoken_to = spoken_to || len > 0;
	return (ssize_t)len;
}

/* Name servers: datagrams, and what follows by TCP; each has its length in two bytes before it. */
int fuzz_socket(int domain, int type, int protocol);
int fuzz_connect(int fd, const struct sockaddr *name, socklen_t n);
ssize_t fuzz_send(int fd, const void *data, size_t n, int flags);
ssize_t fuzz_recv(int fd, void *data, size_t n, int flags);
int fuzz_poll(struct pollfd *fds, nfds_t n, int timeout);

bool fuzz_has_name_servers;

int
fuzz_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)protocol;
	if (!fuzz_has_name_servers)
		return -1; /* nor is there a /dev/log */
	return (type & SOCK_STREAM) != 0 ? 901 : 900;
}

int
fuzz_connect(int fd, const struct sockaddr *name, socklen_t n)
{
	(void)fd;
	(void)name;
	(void)n;
	stream.n = 0;
	return fuzz_has_name_servers ? 0 : -1;
}

ssize_t
fuzz_send(int fd, const void *data, size_t n, int flags)
{
	(void)fd;
	(void)data;
	(void)flags;
	return (ssize_t)n;
}

static struct fuzz_input
next_reply(void)
{
	struct fuzz_input in = {script.at + fuzz_heard, script.n - fuzz_heard};
	size_t n;

	if (in.n < 2)
		return (struct fuzz_input){in.at, 0};
	n = (size_t)(unsigned char)in.at[0] << 8 | (unsigned char)in.at[1];
	in.at += 2;
	in.n = n < in.n - 2 ? n : in.n - 2;
	fuzz_heard += 2 + in.n;
	return in;
}

ssize_t
fuzz_recv(int fd, void *data, size_t n, int flags)
{
	struct fuzz_input in;

	(void)flags;
	if (fd == 900) {
		in = next_reply();
		return receive(data, in.at, n < in.n ? n : in.n);
	}
	if (stream.n == 0)
		stream = next_reply();
	n = n < stream.n ? n : stream.n;
	n = n < step ? n : step;
	stream.at += n;
	stream.n -= n;
	return receive(data, stream.at - n, n);
}

int
fuzz_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	nfds_t i;

	now++;
	for (i = 0; i < n; i++)
		fds[i].revents = 0;
	/* As poll(2): what isn't open is passed over. */
	if (fds[0].fd < 0 ||
		((fds[0].events & POLLOUT) == 0 && fuzz_heard == script.n && stream.n == 0)) {
		now += timeout > 0 ? timeout : 0;
		return 0;
	}
	fds[0].revents = fds[0].events;
	return 1;
}

int
net_hold_signals(struct net *n, struct err *e)
{
	(void)n;
	(void)e;
	return 0;
}

void
net_release_signals(struct net *n)
{
	(void)n;
}
