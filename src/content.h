/* SPDX-License-Identifier: ISC */
/* content.h: a message's bytes on their way: by DATA, or in chunks by BDAT (RFC 3030). */
#ifndef MAILCHUTE_CONTENT_H
#define MAILCHUTE_CONTENT_H

#include "err.h"
#include "message.h"
#include "smtp.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The last chunk fits a record, so that the commit window is one record wide; what is larger goes
 * ahead of it in chunks of this size.
 */
#define CONTENT_LAST_MAX  16384
#define CONTENT_CHUNK_MAX 262144

/* Content in chunks, under way. */
struct content {
	uint64_t size;      /* of all of it, as counted */
	uint64_t announced; /* by the BDATs so far */
	uint64_t put;       /* bytes behind them */
	unsigned chunks;    /* BDATs put */
	unsigned answered;  /* their replies read; a refusal among them is an error at once */
	/*
	 * Where MAIL and the RCPTs aren't answered yet: reads what has come before the last chunk goes.
	 * NULL: they are, and what comes in between are replies to chunks.
	 */
	int (*early)(void *ctx, struct content *c, struct err *e);
	void *ctx;
};

/*
 * DATA's way: the whole content but for the final dot, into the kernel's hands. Errors: ERR_TEMP or
 * ERR_REFUSED where the server breaks off (its words are looked for), ERR_INPUT where the spool
 * failed. In each case e->lost_peer is set and nothing was taken.
 */
int content_send(struct smtp *s, struct message *m, struct err *e);

/*
 * BDAT's way: puts each chunk behind its command. All but the last record is in the kernel's hands
 * then, and the last byte isn't. c: zero but for size and early. Errors as above.
 */
int content_send_chunks(struct smtp *s, struct message *m, struct content *c, struct err *e);

/*
 * Reads what has come of the replies to the chunks that are out. -1: a refusal, or a byte that
 * nobody asked for.
 */
int content_take_replies(struct smtp *s, struct content *c, struct err *e);

#endif
