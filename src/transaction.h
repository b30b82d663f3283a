/* SPDX-License-Identifier: ISC */
/* transaction.h: one message to some recipients over a session, and what became of each. */
#ifndef MAILCHUTE_TRANSACTION_H
#define MAILCHUTE_TRANSACTION_H

#include "envelope.h"
#include "err.h"
#include "message.h"
#include "smtp.h"

#include <stdbool.h>
#include <stddef.h>

/* How a transaction ended. */
enum transaction_end {
	TRANSACTION_DONE,   /* the content was taken for every recipient that was */
	TRANSACTION_NOBODY, /* no recipient was taken: nothing was sent */
	TRANSACTION_FAILED  /* as the error says */
};

struct transaction {
	struct envelope *envelope;
	struct rcpt **batch; /* whom it is for; all RCPT_OPEN at the start */
	size_t n;
	struct message *message;
	bool need_utf8;      /* MAIL asks for SMTPUTF8 */
	bool all;            /* no content unless every recipient is taken */
	const char *utf8_address; /* that made it necessary, for words; may be NULL */
};

/*
 * MAIL, RCPTs, DATA and the content. Afterwards each of the batch is RCPT_DELIVERED, _REFUSED
 * or _DEFERRED with the server's words, _UNKNOWN (lost in the commit window), or _OPEN again (not
 * tried, or lost before). Errors: ERR_TEMP (4yz, or lost before the last byte was written: nothing
 * was taken), ERR_REFUSED (5yz to sender or content), ERR_UNKNOWN, ERR_DATA (needs SMTPUTF8),
 * ERR_INPUT (the spool failed; nothing was taken). From the first commit window on the process
 * holds its signals (net_hold_signals).
 */
enum transaction_end transaction_run(struct smtp *s, struct transaction *t, struct err *e);

#endif
