/* SPDX-License-Identifier: ISC */
/* sasl.h: the mechanisms of SASL, by table: what to say to which challenge. Knows no dialogue. */
#ifndef MAILCHUTE_SASL_H
#define MAILCHUTE_SASL_H

#include "err.h"
#include "scram.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* Who logs in where. "" or 0 is what isn't there. All of it outlives the exchange. */
struct sasl_identity {
	const char *user, *password, *token;
	const char *host;
	unsigned port;
	bool has_certificate;
	unsigned char end_point[64]; /* RFC 5929 4.1 */
	size_t end_point_len;
};

/* What a mechanism can't do without. */
enum sasl_need { SASL_CERTIFICATE, SASL_TOKEN, SASL_PASSWORD, SASL_BOUND_PASSWORD };

struct sasl;

struct sasl_mechanism {
	const char *name;
	enum sasl_need need;
	bool server_first; /* it begins with a challenge */
	bool hides;        /* the password stays hidden even from who reads along */
	bool named_only;   /* `auto` leaves it out */
	/* Answers challenge number x->round; sets x->done where the server may say yes now. */
	int (*answer)(
		struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e);
};

/* An exchange under way. */
struct sasl {
	const struct sasl_mechanism *mechanism;
	const struct sasl_identity *who;
	unsigned round;
	bool done;
	struct scram scram;
	struct text words; /* what the server said of a refused token, masked */
	char words_buf[400];
};

/* The n-th mechanism in the order of `auto`, or NULL; and the one of this name (n bytes), or NULL. */
const struct sasl_mechanism *sasl_nth(size_t n);
const struct sasl_mechanism *sasl_named(const char *name, size_t n);

/* True where who has what the mechanism needs. */
bool sasl_can(const struct sasl_mechanism *m, const struct sasl_identity *who);

void sasl_start(struct sasl *x, const struct sasl_mechanism *m, const struct sasl_identity *who);

/*
 * Adds the answer to a challenge (n bytes, decoded); the first one of a mechanism that isn't
 * server_first goes without any (n == 0). Errors: ERR_AUTH, ERR_CONFIG, ERR_SYSTEM, and ERR_TEMP
 * for a challenge out of turn.
 */
int sasl_answer(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e);

/* Wipes what it holds. */
void sasl_end(struct sasl *x);

#endif
