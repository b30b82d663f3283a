/* SPDX-License-Identifier: ISC */
/* chain.h: the certificates that a server shows, put in order and verified. Does no TLS. */
#ifndef MAILCHUTE_CHAIN_H
#define MAILCHUTE_CHAIN_H

#include "cert.h"
#include "err.h"
#include "path.h"
#include "text.h"
#include "trust.h"

#include <bearssl.h>

#define CHAIN_CERTS_MAX PATH_CERTS_MAX
#define CHAIN_BYTES_MAX (64 * 1024)

/* "sha256:" and the base64 of 32 bytes. */
#define CHAIN_PIN_SIZE 56

/* Whom to believe. All of it outlives the handshake. */
struct chain_policy {
	const char *name;  /* whom the leaf must name, if the chain is to be verified */
	const char *trust; /* as trust_find takes it, or "pin": a pin instead of the chain */
	const char *const
		*pins; /* "sha256:BASE64" of the SPKIs that the leaf may have; n == 0: any */
	size_t pin_count;
	bool verify; /* false: anybody is believed */
};

/*
 * An X.509 engine for BearSSL: collects the chain whole, finds the roots that it may end in, puts
 * what leads there leaf-first and has BearSSL's minimal engine verify it. The first member must
 * stay first: BearSSL knows us by its address.
 */
struct chain {
	const br_x509_class *vtable;
	const struct chain_policy *policy;
	struct err *e;     /* where the words go */
	struct text bytes; /* the certificates, one behind the other */
	size_t ends[CHAIN_CERTS_MAX];
	size_t n;
	bool too_large;
	bool refused; /* it is the certificates that we don't take, not the rest of TLS */
	struct trust trust;
	const br_x509_pkey *key; /* the leaf's, once it is believed */
	br_x509_pkey bare_key;   /* where BearSSL didn't look at the chain */
	br_x509_minimal_context minimal;
};

/* policy and e must live as long as the handshake. */
void chain_init(struct chain *c, const struct chain_policy *policy, struct err *e);

/* True where a chain or a pin stands for who the server is. */
bool chain_is_verified(const struct chain_policy *policy);

/* The pin of the leaf that the server showed (CHAIN_PIN_SIZE bytes), "" where there is none. */
void chain_pin(const struct chain *c, char *pin);

/*
 * RFC 5929 4.1, tls-server-end-point: the hash of the leaf, by the hash of its signature (SHA-256
 * in place of weaker ones). Returns its length, at most 64; 0 where that isn't defined.
 */
size_t chain_end_point(const struct chain *c, unsigned char *hash);

/*
 * Adds a line about the i-th certificate that the server showed: whose it is, for which names, by
 * whom, until when. False where there is none.
 */
bool chain_describe(const struct chain *c, size_t i, struct text *out);

void chain_free(struct chain *c);

#endif
