/* SPDX-License-Identifier: ISC */
/* message.h: a message taken apart at the one seam, and emitted by the one walk. Edits nothing. */
#ifndef MAILCHUTE_MESSAGE_H
#define MAILCHUTE_MESSAGE_H

#include "dot.h"
#include "err.h"
#include "spool.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest header, bytes. */
#define MESSAGE_HEADER_MAX (1024 * 1024)

/* What we know of a field by its name; bits. */
enum message_trait {
	FIELD_ADDRESSES = 1,  /* mailboxes: bare ones are qualified, phrases encoded */
	FIELD_RECIPIENTS = 2, /* -t sends to them */
	FIELD_RESENT = 4,
	FIELD_DROPPED = 8, /* never leaves */
	FIELD_LOCAL = 32,  /* says something of a mailbox: leaves only as it is (-G) */
	FIELD_FIXED = 16,  /* structured otherwise: bytes stay as they are */
};

/* One field; offsets into the header that was read. */
struct message_field {
	size_t start; /* of the name */
	size_t name_len;
	size_t body; /* behind the colon */
	size_t end;  /* behind the last CRLF */
	unsigned traits;
};

struct message {
	struct spool *spool;
	struct text header; /* the fields, as they came but for line ends (CRLF) and NUL (gone) */
	struct message_field *fields;
	size_t n;
	uint64_t body;     /* offset in the spool */
	bool nul;          /* NULs stood in the header, and were dropped */
	struct text ready; /* the header that leaves, its blank line not included; see edit.h */
	struct dot_facts facts; /* of what leaves; valid after message_count */
};

/*
 * Reads the header: a leading mbox line is dropped, NULs too, "To :" is a field, and input without
 * a header is all body. Errors: ERR_DATA (a header over MESSAGE_HEADER_MAX), ERR_INPUT, ERR_SYSTEM.
 */
int message_read(struct message *m, struct spool *spool, struct err *e);

/* Why the text of a header is cut: it is over its max, or memory ran out. Returns -1. */
int message_header_cut(const struct text *header, struct err *e);

/* Lets go of the header as it came: what leaves is ready, and the memory is wanted for the session. */
void message_forget(struct message *m);

void message_close(struct message *m);

/* True where the field's name is this one (without case). */
bool message_is(const struct message *m, const struct message_field *f, const char *name);

/* Where the bytes of a message go. Both return NULL or -1 with e set by themselves. */
struct message_sink {
	char *(*room)(void *ctx, size_t *n); /* at least DOT_ROOM bytes */
	void (*put)(void *ctx, size_t n);
	void *ctx;
};

/*
 * The one walk: ready header, blank line, body, all with CRLF, dots doubled where stuff is set; the
 * end of the last line is there, the final dot isn't. Returns 0; -1: e is set where the spool
 * failed, and is not where the sink did.
 */
int message_emit(struct message *m, bool stuff, const struct message_sink *sink,
	struct dot_facts *facts, struct err *e);

/* Walks once for m->facts. */
int message_count(struct message *m, struct err *e);

#endif
