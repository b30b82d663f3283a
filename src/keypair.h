/* SPDX-License-Identifier: ISC */
/* keypair.h: our own certificate and its private key, for servers that ask. Does no TLS. */
#ifndef MAILCHUTE_KEYPAIR_H
#define MAILCHUTE_KEYPAIR_H

#include "err.h"
#include "profile.h"
#include "world.h"

#include <bearssl.h>

#define KEYPAIR_CERTS_MAX 8
#define KEYPAIR_KEY_MAX   4096 /* RSA of 4096 bits has 2400 */

struct keypair {
	br_x509_certificate chain[KEYPAIR_CERTS_MAX]; /* as in the file, the leaf first */
	size_t n;
	int key_type; /* BR_KEYTYPE_RSA, BR_KEYTYPE_EC; 0: none */
	br_rsa_private_key rsa;
	br_ec_private_key ec;
	unsigned char der[KEYPAIR_KEY_MAX]; /* rsa or ec points into it */
};

/*
 * Reads tls_cert, and the key from tls_key or, without it, from the same file: PKCS#8, PKCS#1 or
 * SEC 1 in PEM, not encrypted, RSA or EC. The file with the key is guarded like a password. Errors:
 * ERR_CONFIG, ERR_SYSTEM. The caller frees in any case.
 */
int keypair_load(struct keypair *k, const struct profile *p, const struct world *w, struct err *e);

/* Frees and wipes. */
void keypair_free(struct keypair *k);

/* Has the client show the certificate where the server asks for one. k outlives the client. */
void keypair_use(const struct keypair *k, br_ssl_client_context *client);

#endif
