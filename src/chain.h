/* SPDX-License-Identifier: ISC */
/* chain.h: the certificates that a server shows, put in order and verified. Does no TLS. */
#ifndef MAILCHUTE_CHAIN_H
#define MAILCHUTE_CHAIN_H

#include "cert.h"
#include "err.h"
#include "text.h"
#include "trust.h"

#include <bearssl.h>

#define CHAIN_CERTS_MAX 16
#define CHAIN_BYTES_MAX (64 * 1024)

/*
 * An X.509 engine for BearSSL: collects the chain whole, finds the roots that it may end in, puts
 * what leads there leaf-first and has BearSSL's minimal engine verify it. The first member must
 * stay first: BearSSL knows us by its address.
 */
struct chain {
	const br_x509_class *vtable;
	const char *source; /* of roots, as trust_find takes it */
	const char *name;   /* whom the leaf must name */
	struct err *e;      /* where the words go */
	struct text bytes;  /* the certificates, one behind the other */
	size_t ends[CHAIN_CERTS_MAX];
	size_t n;
	bool too_large;
	struct trust trust;
	br_x509_minimal_context minimal;
};

/* source, name and e must live as long as the handshake. */
void chain_init(struct chain *c, const char *source, const char *name, struct err *e);

/*
 * Adds a line about the i-th certificate that the server showed: whose it is, for which names, by
 * whom, until when. False where there is none.
 */
bool chain_describe(const struct chain *c, size_t i, struct text *out);

void chain_free(struct chain *c);

#endif
