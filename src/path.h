/* SPDX-License-Identifier: ISC */
/* path.h: a way from a server's certificate to a root, verified. Does no TLS and opens no file. */
#ifndef MAILCHUTE_PATH_H
#define MAILCHUTE_PATH_H

#include "cert.h"
#include "err.h"
#include "trust.h"

#include <bearssl.h>

#define PATH_CERTS_MAX 16

/* What a search is given, and where it is. */
struct path {
	const char *host;
	const struct trust *trust;
	const struct cert *certs; /* the leaf first, the others in any order */
	const struct cert_bytes *ders;
	size_t n; /* at most PATH_CERTS_MAX */
	br_x509_minimal_context *minimal;
	size_t at[PATH_CERTS_MAX]; /* the way so far: numbers of certificates */
	size_t len;
	unsigned tries, steps; /* that are left */
	unsigned code;         /* of the first way that failed */
	struct err *e;
};

/*
 * Looks for a way that holds: each certificate issued by the next, the last by a root in trust, all
 * of them in date, fit to issue for servers and for this host, with keys and signatures that are
 * strong enough, and each signature verified by BearSSL's minimal engine. Certificates of one name
 * are tried one after the other, those in date first. host, trust, certs, ders, n, minimal and e
 * are filled in. Returns 0, and minimal holds the leaf's key; or BearSSL's code, and the words are
 * in e: those of the first way.
 */
unsigned path_find(struct path *p);

#endif
