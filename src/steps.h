/* SPDX-License-Identifier: ISC */
/* steps.h: a transaction up to its content: MAIL, RCPTs and DATA in flights, and their answers. */
#ifndef MAILCHUTE_STEPS_H
#define MAILCHUTE_STEPS_H

#include "transaction.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The steps up to the content: 0 is MAIL, then a step for each recipient, then DATA, where the
 * content doesn't come in chunks.
 */
struct steps {
	size_t put, got; /* how many were put, how many answered */
	size_t taken;    /* recipients with 2yz */
	bool all;        /* every recipient must be taken */
	bool full;       /* "too many recipients": the rest in the next transaction */
	bool over;       /* the next is the content */
	bool chunked;    /* by BDAT */
	bool ahead;      /* the content goes before the last flight is answered */
	bool window;     /* the end of the message went out: what is lost now is lost in doubt */
	int64_t opened;  /* .. at this time */
};

/* Where it begins: how the content will go, by what both the server and the message are like. */
struct steps steps_first(const struct smtp *s, const struct transaction *t);

/* MAIL, RCPTs and DATA. 0: content may follow; -1: e says why not, or nobody was taken. */
int steps_introduce(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e);

/* Reads the answers to what was put, but DATA's and BDAT's; waiting or only what is there. */
int
steps_take(struct smtp *s, const struct transaction *t, struct steps *st, bool wait, struct err *e);

/* Reads DATA's answer: 0 where it is 354. */
int steps_data(struct smtp *s, struct err *e);

/*
 * One reply; within the window its loss leaves the outcome unknown. is_last: it answers the
 * content. The others have the run's deadline together, so that many of them can't hold us for
 * ever, or what the content's answer may take, if that is longer.
 */
int steps_reply(
	struct smtp *s, const struct steps *st, enum smtp_phase phase, bool is_last, struct err *e);

/* ERR_UNKNOWN: an answer that is neither yes nor no, where the content has gone already. */
int steps_out_of_turn(const struct smtp *s, struct err *e);

#endif
