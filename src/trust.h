/* SPDX-License-Identifier: ISC */
/* trust.h: the roots that a server's chain may end in. Opens files, never the network. */
#ifndef MAILCHUTE_TRUST_H
#define MAILCHUTE_TRUST_H

#include "cert.h"
#include "err.h"

#include <bearssl.h>

#define TRUST_ROOTS_MAX 16

/* Roots that were asked for; each points into its certificate in ders. */
struct trust {
	size_t n;
	br_x509_trust_anchor roots[TRUST_ROOTS_MAX];
	unsigned char *ders[TRUST_ROOTS_MAX];
};

void trust_init(struct trust *t);
void trust_free(struct trust *t);

/*
 * Finds, in the PEM bundle `source` (a path, or "system" for the distribution's), the certificates
 * whose subject is one of the n issuers, and decodes these only. Roots past their notAfter don't
 * count. Finding none is no error: t->n is 0. Errors: ERR_CONFIG where the bundle can't be read or
 * holds no certificate.
 */
int trust_find(struct trust *t, const char *source, const struct cert_bytes *issuers, size_t n,
	struct err *e);

#endif
