/* SPDX-License-Identifier: ISC */
/* content.c: a message's bytes on their way: by DATA, or in chunks by BDAT (RFC 3030). */
#include "content.h"

#include <string.h>

/* One deadline for each so many bytes of content. */
#define CONTENT_STEP 65536

/* A server that has refused and closes says why within this time, or not at all. */
#define LAST_WORDS_MS 2000

/* A little more than a chunk's end needs, which mustn't be overrun. */
#define BRIDGE 64

/* Where content goes: the stream's own memory. */
struct content_sink {
	struct smtp *s;
	size_t since; /* bytes since the deadline was set */
	int64_t deadline;
	struct content *chunks; /* NULL: DATA */
	struct err *e;
	bool stopped;  /* by what the server said */
	bool bridging; /* what was handed out is bridge, over the border of two chunks */
	char bridge[BRIDGE];
};

static void
count(struct content_sink *sink, size_t n)
{
	sink->since += n;
	if (sink->since >= CONTENT_STEP) {
		sink->since = 0;
		sink->deadline = smtp_deadline(sink->s);
	}
}

static char *
data_room(void *ctx, size_t *n)
{
	struct content_sink *sink = ctx;

	return wire_room(&sink->s->wire, DOT_ROOM, n, sink->deadline);
}

static void
data_put(void *ctx, size_t n)
{
	struct content_sink *sink = ctx;

	wire_put(&sink->s->wire, n);
	count(sink, n);
}

/* The connection broke, or the server spoke, before the end: what it says is the reason. */
static int
broken_off(struct smtp *s, struct err *e)
{
	const struct net_fault fault = s->net->fault;
	struct err own = {.kind = ERR_NONE};

	e->lost_peer = true;
	s->net->mute = true; /* what is said from here on is that nothing was taken */
	/* Whoever doesn't read may have said why: that is at hand, or it isn't waited for. */
	if ((fault.kind != NET_TIMEOUT || wire_has_input(&s->wire)) && fault.kind != NET_SIGNAL &&
		smtp_get_by(s, SMTP_AT_CONTENT, net_clock() + LAST_WORDS_MS, &own) == 0 &&
		s->reply.code >= 400) {
		(void)smtp_refused(s, "the message", ERR_REFUSED, e);
		e->lost_peer = true;
		return -1;
	}
	if (fault.kind != NET_FINE)
		s->net->fault = fault;
	return smtp_lost(s, SMTP_AT_CONTENT, ERR_TEMP, e);
}

int
content_send(struct smtp *s, struct message *m, struct err *e)
{
	struct content_sink sink = {.s = s, .deadline = smtp_deadline(s), .e = e};
	struct message_sink out = {data_room, data_put, &sink};

	if (message_emit(m, true, &out, NULL, e) == -1) {
		e->lost_peer = true;
		s->net->mute = true;
		return e->kind == ERR_NONE ? broken_off(s, e) : -1;
	}
	if (wire_flush(&s->wire, smtp_deadline(s)) == -1)
		return broken_off(s, e);
	/* An early refusal, or an end, must be seen before the dot makes it a commit. */
	if (wire_has_input(&s->wire) || s->net->fault.kind != NET_FINE)
		return broken_off(s, e);
	return 0;
}

int
content_take_replies(struct smtp *s, struct content *c, struct err *e)
{
	while (wire_has_input(&s->wire)) {
		/* One look for both questions: an answer may come between two. */
		if (c->answered == c->chunks)
			return broken_off(s, e);
		if (smtp_get(s, SMTP_AT_CONTENT, e) == -1) {
			e->lost_peer = true;
			return -1;
		}
		c->answered++;
		if (s->reply.code / 100 == 2)
			continue;
		(void)smtp_refused(s, "the message", ERR_REFUSED, e);
		e->lost_peer = true;
		return -1;
	}
	return s->net->fault.kind == NET_FINE ? 0 : broken_off(s, e);
}

/* The replies that wait may be MAIL's and the RCPTs': then they are the caller's to read. */
static int
chunk_broken_off(struct smtp *s, const struct content *c, struct err *e)
{
	s->net->mute = true;
	if (c->early == NULL)
		return broken_off(s, e);
	return smtp_lost(s, SMTP_AT_CONTENT, ERR_TEMP, e);
}

/* "BDAT n" of the next chunk. Before the last one all else is in the kernel's hands. */
static int
next_chunk(struct content_sink *sink)
{
	struct content *c = sink->chunks;
	struct smtp *s = sink->s;
	uint64_t left = c->size - c->announced, tail = (c->size - 1) % CONTENT_LAST_MAX + 1, n;
	bool last = left <= CONTENT_LAST_MAX;
	char line[64];

	/* Nothing of the last chunk goes before all else is in the kernel's hands, and heard of. */
	if (last && c->chunks > 0 && wire_flush(&s->wire, sink->deadline) == -1)
		return chunk_broken_off(s, c, sink->e);
	if (c->early == NULL ? content_take_replies(s, c, sink->e) == -1
			     : last && c->chunks > 0 && c->early(c->ctx, c, sink->e) == -1) {
		sink->e->lost_peer = true;
		sink->stopped = true;
		return -1;
	}
	n = last ? left : left - tail < CONTENT_CHUNK_MAX ? left - tail : CONTENT_CHUNK_MAX;
	(void)text_format(
		line, sizeof(line), "BDAT %llu%s", (unsigned long long)n, last ? " LAST" : "");
	c->announced += n;
	c->chunks++;
	return smtp_put(s, SMTP_AT_CONTENT, line, NULL, sink->e);
}

static char *
chunk_room(void *ctx, size_t *n)
{
	struct content_sink *sink = ctx;
	struct content *c = sink->chunks;
	uint64_t left;
	char *at;

	if (sink->e->kind != ERR_NONE || sink->stopped ||
		(c->put == c->announced && c->announced < c->size && next_chunk(sink) == -1))
		return NULL;
	left = c->announced - c->put;
	sink->bridging = left < DOT_ROOM;
	if (sink->bridging) {
		*n = sizeof(sink->bridge);
		return sink->bridge;
	}
	at = wire_room(&sink->s->wire, DOT_ROOM, n, sink->deadline);
	if (at != NULL && *n > left)
		*n = (size_t)left;
	return at;
}

/* Over the border: the rest of this chunk, and what follows into the next. */
static int
put_bridge(struct content_sink *sink, size_t n)
{
	struct content *c = sink->chunks;
	const char *at = sink->bridge;
	uint64_t left;
	size_t part;

	for (; n > 0; at += part, n -= part) {
		if (c->put == c->size)
			return err_set(
				sink->e, ERR_INPUT, "the message grew while it was being sent");
		if (c->put == c->announced && next_chunk(sink) == -1)
			return -1;
		left = c->announced - c->put;
		part = left < n ? (size_t)left : n;
		if (wire_write(&sink->s->wire, at, part, sink->deadline) == -1)
			return chunk_broken_off(sink->s, c, sink->e);
		c->put += part;
	}
	return 0;
}

static void
chunk_put(void *ctx, size_t n)
{
	struct content_sink *sink = ctx;

	count(sink, n);
	if (sink->bridging) {
		(void)put_bridge(sink, n);
		return;
	}
	wire_put(&sink->s->wire, n);
	sink->chunks->put += n;
}

int
content_send_chunks(struct smtp *s, struct message *m, struct content *c, struct err *e)
{
	struct content_sink sink = {.s = s, .deadline = smtp_deadline(s), .chunks = c, .e = e};
	struct message_sink out = {chunk_room, chunk_put, &sink};

	if (message_emit(m, false, &out, NULL, e) == 0 && e->kind == ERR_NONE && c->put == c->size)
		return 0;
	e->lost_peer = true;
	s->net->mute = true;
	if (e->kind != ERR_NONE || sink.stopped)
		return -1;
	if (c->put < c->size && s->net->fault.kind == NET_FINE)
		return err_set(e, ERR_INPUT, "the message shrank while it was being sent");
	return chunk_broken_off(s, c, e);
}
