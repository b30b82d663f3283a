/* SPDX-License-Identifier: ISC */
/* names.h: the names in certificates: whom they stand for, and how they are shown. */
#ifndef MAILCHUTE_NAMES_H
#define MAILCHUTE_NAMES_H

#include "cert.h"
#include "text.h"

/*
 * True where a subjectAltName is host (RFC 6125): a dNSName without case, a wildcard only as the
 * whole leftmost label over at least two more, an iPAddress for an address. The subject's CN
 * never counts. host may have brackets and a trailing dot.
 */
bool names_have(const struct cert *c, const char *host);

/* False where the name constraints of an issuer (RFC 5280 4.2.1.10) leave host out. */
bool names_permit(const struct cert *issuer, const char *host);

/* Adds the names that names_have looks at, masked, at most ten and how many more. */
void names_list(const struct cert *c, struct text *out);

/* Adds a readable form of a Name: "CN=.., O=.." as far as it is printable. */
void names_words(struct cert_bytes name, struct text *out);

/* "1.3.6.1.4.1.11129.2.4.3" */
void names_oid(struct cert_bytes oid, struct text *out);

/* "2026-11-22 09:30 UTC" */
void names_date(time_t at, struct text *out);

#endif
