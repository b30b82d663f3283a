/* SPDX-License-Identifier: ISC */
/* scram.h: the client's half of SCRAM (RFC 5802, RFC 7677), as text. Knows no dialogue. */
#ifndef MAILCHUTE_SCRAM_H
#define MAILCHUTE_SCRAM_H

#include "err.h"
#include "text.h"

#include <bearssl.h>

/* RFC 7677 4 asks for 4096 at least; beyond the upper bound a server only burns our time. */
#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000

/* An exchange under way. Wiped by its owner. */
struct scram {
	const br_hash_class *hash;
	const char *user, *password;
	char header[32]; /* GS2: "n,," or "p=tls-server-end-point,," */
	unsigned char end_point[64];
	size_t end_point_len;
	char nonce[32];
	unsigned char signature[32]; /* that the server must show */
};

/*
 * user and password outlive the exchange. end_point: n bytes of channel binding, for -PLUS; n == 0:
 * none. Error: ERR_SYSTEM (no random bytes), ERR_CONFIG (a control character, RFC 4013 2.3).
 */
int scram_start(struct scram *s, const br_hash_class *hash, const char *user, const char *password,
	const unsigned char *end_point, size_t n, struct err *e);

/* RFC 5802 7, client-first-message. */
void scram_first(const struct scram *s, struct text *out);

/*
 * The answer to server-first-message (n bytes): client-final-message. Error: ERR_AUTH where the
 * message is none, or asks for what we don't do.
 */
int scram_final(struct scram *s, const char *challenge, size_t n, struct text *out, struct err *e);

/* Looks at server-final-message. Error: ERR_AUTH; a server that can't sign doesn't know the
 * password, and is another. */
int scram_check(const struct scram *s, const char *challenge, size_t n, struct err *e);

/* RFC 5802 5.1, saslname: "," and "=" are written in another way. */
void scram_put_name(struct text *out, const char *name);

#endif
