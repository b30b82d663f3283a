/* SPDX-License-Identifier: ISC */
/* trust.h: the roots that a server's chain may end in. Opens files, never the network. */
#ifndef MAILCHUTE_TRUST_H
#define MAILCHUTE_TRUST_H

#include "cert.h"
#include "err.h"

#include <bearssl.h>

#define TRUST_ROOTS_MAX   16
#define TRUST_ISSUERS_MAX 32 /* that one search may ask for */

/* Roots that were asked for; each points into its certificate in ders, or into those compiled in. */
struct trust {
	size_t n;
	br_x509_trust_anchor roots[TRUST_ROOTS_MAX];
	unsigned char *ders[TRUST_ROOTS_MAX];
	const char *where; /* for words: the bundle, or "compiled in"; outlives no source */
	struct cert_bytes
		unfit;     /* the name of a root that was there and can't be used, or n == 0 */
	const char *fault; /* what is wrong with it; NULL: it has expired */
	time_t expired;    /* when it did */
};

void trust_init(struct trust *t);
void trust_free(struct trust *t);

/* The file or folder that trust_find will read for this source; NULL: none, they are compiled in. */
const char *trust_where(const char *source);

/*
 * Finds the roots whose subject is one of the n issuers, and decodes these only. source: "system"
 * (the distribution's bundle), "builtin" (those compiled in), the path of a PEM bundle or of a
 * folder that holds PEM files; NULL: the system's where there is one, else those compiled in. Roots
 * past their notAfter don't count. Finding none is no error: t->n is 0. issuers and source must
 * outlive t. Errors: ERR_CONFIG where the bundle can't be read or holds no certificate, ERR_SYSTEM.
 */
int trust_find(struct trust *t, const char *source, const struct cert_bytes *issuers, size_t n,
	struct err *e);

/* True where a root with this subject was found; as_issuer: one that is a CA. */
bool trust_has(const struct trust *t, struct cert_bytes subject, bool as_issuer);

/*
 * Takes a SubjectPublicKeyInfo (RFC 5280 4.1.2.7) apart; the key points into it. Returns NULL, or
 * why it can't be used, as in "the certificate has an RSA key under 2048 bits".
 */
const char *trust_key(struct cert_bytes spki, br_x509_pkey *key);

#endif
