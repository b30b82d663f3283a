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
	bool watch;         /* replies that come in between are those of chunks */
};

/*
 * DATA's way: the whole content but for the final dot, into the kernel's hands. Errors: ERR_TEMP or
 * ERR_REFUSED where the server breaks off (its words are looked for), ERR_INPUT where the spool
 * failed. In each case e->lost_peer is set and nothing was taken.
 */
int content_send(struct smtp *s, struct message *m, struct err *e);

/*
 * BDAT's way: puts each chunk behind its command. All but the last record is in the kernel's hands
 * then, and the last byte isn't. c: zero but for size and watch. Errors as above.
 */
int content_send_chunks(struct smtp *s, struct message *m, struct content *c, struct err *e);

#endif
