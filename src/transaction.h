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
#include <stdint.h>

/* How a transaction ended. */
enum transaction_end {
	TRANSACTION_DONE,   /* the content was taken for every recipient that was */
	TRANSACTION_NOBODY, /* no recipient was taken: nothing was sent */
	TRANSACTION_FAILED  /* as the error says */
};

/* What MAIL and RCPT say besides the addresses; each is left out where the server lacks it. */
struct transaction_mail {
	uint64_t size;             /* RFC 1870; 0: not known */
	bool eight_bit, seven_bit; /* RFC 6152 BODY= */
	const char *utf8_reason;   /* RFC 6531: what needs SMTPUTF8, for words; NULL: nothing */
	const char *dsn_return;    /* RFC 3461 RET=; NULL: none */
	const char *dsn_envid;     /* ENVID=, in xtext; NULL: none */
	const char *dsn_notify;    /* NOTIFY= of all recipients that have no own; NULL: none */
};

struct transaction {
	struct envelope *envelope;
	struct rcpt **batch; /* whom it is for; all RCPT_OPEN at the start */
	size_t n;
	struct message *message;
	struct transaction_mail mail;
	bool all; /* no content unless every recipient is taken */
	/* Called before a commit window opens; where it fails, none does. NULL: nothing to call. */
	int (*before_commit)(void *ctx, struct err *e);
	void *ctx;
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

/*
 * The same step by step, for a caller who waits for each answer. _mail and _rcpt: -1 where the
 * answer isn't 2yz (ERR_REFUSED or ERR_TEMP, the words are in s->reply), or where there is none
 * (e->lost_peer). _content: DATA, content and commit for those of the batch that are RCPT_TAKEN.
 */
int transaction_mail(struct smtp *s, const struct transaction *t, struct err *e);
int transaction_rcpt(struct smtp *s, const struct transaction *t, struct rcpt *r, struct err *e);
enum transaction_end transaction_content(struct smtp *s, struct transaction *t, struct err *e);

/* Adds s as xtext (RFC 3461 4). */
void transaction_xtext(struct text *out, const char *s);

#endif
