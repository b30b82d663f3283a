/* SPDX-License-Identifier: ISC */
/* wire.c: a buffered stream, plain or encrypted; below it nobody asks which. Knows no SMTP. */
#include "wire.h"

#include <poll.h>
#include <string.h>

static unsigned char *
plain_room(void *ctx, size_t *n)
{
	struct wire *w = ctx;

	*n = sizeof(w->out) - w->out_len;
	return w->out + w->out_len;
}

static void
plain_put(void *ctx, size_t n)
{
	struct wire *w = ctx;

	w->out_len += n;
}

static const unsigned char *
plain_input(void *ctx, size_t *n)
{
	struct wire *w = ctx;

	*n = w->in_len - w->in_at;
	return w->in + w->in_at;
}

static void
plain_got(void *ctx, size_t n)
{
	struct wire *w = ctx;

	w->in_at += n;
	if (w->in_at == w->in_len)
		w->in_at = w->in_len = 0;
}

static bool
plain_has(const struct wire *w, enum wire_want want)
{
	switch (want) {
	case WIRE_ROOM:
		return w->out_len < sizeof(w->out);
	case WIRE_FLUSHED:
		return w->out_len == 0;
	case WIRE_INPUT:
	case WIRE_PEEK:
		return w->in_len > 0;
	}
	return false;
}

static int
plain_send(struct wire *w)
{
	ssize_t sent = net_write(w->net, w->out + w->out_at, w->out_len - w->out_at);

	if (sent == -1)
		return -1;
	w->out_at += (size_t)sent;
	if (w->out_at == w->out_len)
		w->out_at = w->out_len = 0;
	return 0;
}

static int
plain_receive(struct wire *w)
{
	ssize_t got = net_read(w->net, w->in + w->in_len, sizeof(w->in) - w->in_len);

	if (got == -1)
		return -1;
	w->in_len += (size_t)got;
	return 0;
}

static int
plain_pump(void *ctx, enum wire_want want, int64_t deadline)
{
	struct wire *w = ctx;
	size_t before;
	int ready;

	while (!plain_has(w, want)) {
		short events = 0;

		if (w->writing_over && want != WIRE_INPUT && want != WIRE_PEEK)
			return -1;
		before = w->writing_over || want == WIRE_PEEK ? 0 : w->out_len - w->out_at;
		if (before > 0 && plain_send(w) == -1) {
			w->writing_over = true;
			continue;
		}
		if (before > w->out_len - w->out_at)
			continue; /* some was taken at once: no waiting yet */

		if (before > 0)
			events |= POLLOUT;
		if (w->in_len < sizeof(w->in))
			events |= POLLIN;
		ready = net_wait(w->net, events, deadline);
		if (ready == -1)
			return -1;
		if ((ready & POLLIN) != 0 && plain_receive(w) == -1)
			return -1;
	}
	return 0;
}

static const struct wire_ops plain_ops = {
	plain_room, plain_put, plain_input, plain_got, plain_pump};

void
wire_open(struct wire *w, struct net *n)
{
	w->ops = &plain_ops;
	w->ctx = w;
	w->net = n;
	w->writing_over = false;
	w->in_at = w->in_len = w->out_at = w->out_len = 0;
}

bool
wire_switch(struct wire *w, const struct wire_ops *ops, void *ctx)
{
	if (wire_has_input(w))
		return false;
	w->ops = ops;
	w->ctx = ctx;
	return true;
}

char *
wire_room(struct wire *w, size_t min, size_t *n, int64_t deadline)
{
	unsigned char *at = w->ops->room(w->ctx, n);

	if (at != NULL && *n >= min)
		return (char *)at;
	/* A little room at a record's end is of no use: send the record. */
	if (at != NULL && wire_flush(w, deadline) == -1)
		return NULL;
	if (w->ops->pump(w->ctx, WIRE_ROOM, deadline) == -1)
		return NULL;
	return (char *)w->ops->room(w->ctx, n);
}

void
wire_put(struct wire *w, size_t n)
{
	w->ops->put(w->ctx, n);
}

int
wire_write(struct wire *w, const char *data, size_t n, int64_t deadline)
{
	size_t room;
	char *at;

	while (n > 0) {
		at = wire_room(w, 1, &room, deadline);
		if (at == NULL)
			return -1;
		if (room > n)
			room = n;
		memcpy(at, data, room);
		wire_put(w, room);
		data += room;
		n -= room;
	}
	return 0;
}

int
wire_flush(struct wire *w, int64_t deadline)
{
	return w->ops->pump(w->ctx, WIRE_FLUSHED, deadline);
}

bool
wire_has_input(struct wire *w)
{
	struct net_fault before = w->net->fault;
	size_t n;

	(void)w->ops->input(w->ctx, &n);
	if (n > 0)
		return true;
	if (w->ops->pump(w->ctx, WIRE_PEEK, NET_AT_ONCE) == -1) {
		/* Nothing yet is no fault; what is one will be found by the next real read. */
		if (w->net->fault.kind == NET_TIMEOUT)
			w->net->fault = before;
		return false;
	}
	return true;
}

long
wire_line(struct wire *w, char *buf, size_t size, int64_t deadline)
{
	const unsigned char *in, *end;
	size_t len = 0, n, i;
	bool whole;

	do {
		in = w->ops->input(w->ctx, &n);
		if (n == 0) {
			if (w->ops->pump(w->ctx, WIRE_INPUT, deadline) == -1)
				return -1;
			in = w->ops->input(w->ctx, &n);
		}
		end = memchr(in, '\n', n);
		whole = end != NULL;
		if (whole)
			n = (size_t)(end - in) + 1;
		if (n >= size - len) {
			if (w->net->fault.kind == NET_FINE)
				w->net->fault.kind = NET_OVERLONG;
			return -1;
		}
		memcpy(buf + len, in, n);
		len += n;
		w->ops->got(w->ctx, n);
	} while (!whole);
	len--;
	if (len > 0 && buf[len - 1] == '\r')
		len--;
	buf[len] = '\0';
	for (i = 0; i < len; i++) {
		if (buf[i] == '\0')
			buf[i] = '?';
	}
	return (long)len;
}
