/* SPDX-License-Identifier: ISC */
/* envelope.h: who sends, who receives, and what became of each. Knows no server. */
#ifndef MAILCHUTE_ENVELOPE_H
#define MAILCHUTE_ENVELOPE_H

#include "addr.h"
#include "aliases.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/* A recipient's fate. */
enum rcpt_fate {
	RCPT_OPEN,      /* not decided yet */
	RCPT_TAKEN,     /* 2yz to RCPT in the transaction under way */
	RCPT_DEFERRED,  /* 4yz: may be tried again */
	RCPT_REFUSED,   /* 5yz: never again */
	RCPT_DELIVERED, /* 2yz to the end of the message */
	RCPT_UNKNOWN    /* the message went out, no answer came */
};

struct rcpt {
	char *address;
	enum rcpt_fate fate;
	int code;     /* of the last refusal */
	bool by_rcpt; /* it was RCPT's answer, not the content's */
	bool told;    /* the caller of -bs heard of the refusal, and went on without him */
	char *reply;  /* its words; NULL: none */
	char *dsn;    /* "NOTIFY=.. ORCPT=.." of its own (RFC 3461); NULL: none */
};

#define ENVELOPE_RCPTS_MAX 100000

struct envelope {
	char from[ADDR_SIZE]; /* "" is the null sender */
	struct rcpt *rcpts;
	size_t n;
};

/* How addresses become recipients. */
struct envelope_rules {
	const struct aliases *aliases;
	const char *domain;    /* behind bare names */
	const char *host_name; /* name@this is a bare name too; "" where there is none */
};

void envelope_init(struct envelope *env);
void envelope_free(struct envelope *env);

/*
 * Adds a recipient: an alias of it (bare names and name@host_name; "*" catches what has no other)
 * is followed to depth 16, then bare names get @domain. Errors: ERR_DATA (null, too many),
 * ERR_CONFIG (an alias in a loop, or to what is no address), ERR_SYSTEM.
 */
int envelope_add(struct envelope *env, const struct envelope_rules *rules,
	const struct addr_box *box, struct err *e);

/* Drops what stands twice (domains compared without case), keeping the order. -1: ERR_SYSTEM. */
int envelope_unique(struct envelope *env, struct err *e);

/* Counts recipients with this fate. */
size_t envelope_count(const struct envelope *env, enum rcpt_fate fate);

/* Those who may still be tried: open or deferred. */
size_t envelope_left(const struct envelope *env);

/* Every recipient with fate `from` gets fate `to`. */
void envelope_move(struct envelope *env, enum rcpt_fate from, enum rcpt_fate to);

/* Sets a fate with the reply that decided it. Out of memory the words are left out. */
void envelope_decide(struct rcpt *r, enum rcpt_fate fate, int code, const char *reply);

/* The first address that isn't ASCII, or NULL. */
const char *envelope_eight_bit(const struct envelope *env);

#endif
