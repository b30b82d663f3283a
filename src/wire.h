/* SPDX-License-Identifier: ISC */
/* wire.h: a buffered stream, plain or encrypted; below it nobody asks which. Knows no SMTP. */
#ifndef MAILCHUTE_WIRE_H
#define MAILCHUTE_WIRE_H

#include "net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What wire_ops.pump is to bring about. */
enum wire_want {
	WIRE_ROOM,    /* at least one byte can be put */
	WIRE_FLUSHED, /* all that was put has been taken by the kernel */
	WIRE_INPUT,   /* at least one byte can be got */
	WIRE_PEEK     /* the same, but nothing is sent for it */
};

/*
 * A kind of stream: plain here, TLS in tls.c. room and input hand out the stream's own memory, so
 * that content goes into a record without another copy. pump moves bytes both ways until the want
 * is met (so a peer that must be heard before it goes on reading can't lock us up); returns -1 with
 * net->fault set.
 */
struct wire_ops {
	unsigned char *(*room)(void *ctx, size_t *n);
	void (*put)(void *ctx, size_t n);
	const unsigned char *(*input)(void *ctx, size_t *n);
	void (*got)(void *ctx, size_t n);
	int (*pump)(void *ctx, enum wire_want want, int64_t deadline);
};

#define WIRE_PLAIN_IN  4096
#define WIRE_PLAIN_OUT 16384

struct wire {
	const struct wire_ops *ops;
	void *ctx;
	struct net *net;
	bool writing_over; /* a write failed: what the peer said is still to be read */
	size_t in_at, in_len, out_at, out_len;
	unsigned char in[WIRE_PLAIN_IN];
	unsigned char out[WIRE_PLAIN_OUT];
};

/* A plain stream over a connection. */
void wire_open(struct wire *w, struct net *n);

/*
 * From here the stream is another one (over the same connection). False where bytes of the old one
 * are waiting: whoever sent them did so in clear (RFC 3207 and the STARTTLS injection).
 */
bool wire_switch(struct wire *w, const struct wire_ops *ops, void *ctx);

/* Room for at least min bytes (up to 1024), sending what was put if it must. NULL: net->fault. */
char *wire_room(struct wire *w, size_t min, size_t *n, int64_t deadline);
void wire_put(struct wire *w, size_t n);

/* Copies bytes in. */
int wire_write(struct wire *w, const char *data, size_t n, int64_t deadline);

/* All that was put, into the kernel's hands: on 0 the last byte has been taken by write(2). */
int wire_flush(struct wire *w, int64_t deadline);

/* True where bytes from the peer are waiting. Neither waits nor sends; a fault counts as nothing. */
bool wire_has_input(struct wire *w);

/*
 * Reads a line without its CRLF (a bare LF is taken too) into buf; NUL bytes become '?'.
 * Returns its length; -1: net->fault, NET_OVERLONG where it doesn't fit.
 */
long wire_line(struct wire *w, char *buf, size_t size, int64_t deadline);

#endif
