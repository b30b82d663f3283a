/* SPDX-License-Identifier: ISC */
/* tls.h: a verified TLS 1.2 client stream over a wire. Knows no SMTP. */
#ifndef MAILCHUTE_TLS_H
#define MAILCHUTE_TLS_H

#include "chain.h"
#include "err.h"
#include "keypair.h"
#include "wire.h"

#include <bearssl.h>
#include <stdint.h>

/* Whom to believe, and who we are. All of it outlives the stream. */
struct tls_options {
	struct chain_policy policy;
	const struct keypair *client; /* our certificate and key; NULL: none */
};

/* The stream's memory; about 40 KiB, the caller's. It must not move while it is in use. */
struct tls {
	struct net *net;
	unsigned char ahead[4096]; /* read, but not asked for by the engine yet */
	size_t ahead_at, ahead_len;
	unsigned char out[512]; /* small records, not yet written */
	size_t out_len;
	bool writing_over; /* a write failed: what the server said is still to be read */
	struct chain chain;
	br_ssl_client_context client;
	unsigned char records[BR_SSL_BUFSIZE_BIDI];
};

/*
 * Makes the wire a TLS stream to the policy's name (never empty; brackets and a trailing dot may
 * stand in it). Errors: ERR_TLS where the server can't prove who it is or shares no TLS with us,
 * ERR_TEMP where the line was cut or the deadline passed. Bytes that wait in clear are ERR_TLS,
 * before anything is sent.
 */
int tls_start(struct tls *t, struct wire *w, const struct tls_options *options, int64_t deadline,
	struct err *e);

/* "TLSv1.2/ECDHE-..." of a stream that stands. */
const char *tls_words(const struct tls *t);

/* One sentence for the NET_TLS fault of the connection. */
const char *tls_fault_words(int number);

/*
 * Says close_notify as far as the kernel takes it at once; waits for nothing. flushes: what was put
 * last goes before it, in the same write.
 */
void tls_close(struct tls *t, bool flushes);

#endif
