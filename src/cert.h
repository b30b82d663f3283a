/* SPDX-License-Identifier: ISC */
/* cert.h: a look into an X.509 certificate's DER. Verifies no signature: BearSSL does that. */
#ifndef MAILCHUTE_CERT_H
#define MAILCHUTE_CERT_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Bytes within the certificate that was given, or n == 0. */
struct cert_bytes {
	const unsigned char *at;
	size_t n;
};

/* RFC 5280 4.1, as far as we look. */
struct cert {
	struct cert_bytes issuer;    /* whole DER Name, as the subject of the issuer has it */
	struct cert_bytes subject;   /* whole DER Name */
	struct cert_bytes key;       /* whole DER SubjectPublicKeyInfo */
	struct cert_bytes alt_names; /* the GeneralNames within SubjectAltName */
	struct cert_bytes purposes;  /* the KeyPurposeIds within ExtKeyUsage */
	struct cert_bytes limits;    /* the two lists within NameConstraints */
	struct cert_bytes critical;  /* OID of a critical extension that BearSSL doesn't know */
	struct cert_bytes signature; /* OID of the algorithm that it is signed by */
	bool has_purposes;
	bool is_version_1;
	bool is_ca; /* BasicConstraints say so, or it is of version 1, which can't */
	bool signs; /* KeyUsage is absent or has keyCertSign */
	int below;  /* how many CAs may be below this one; -1: any number */
	time_t not_before, not_after;
};

/* DER's identifier octets (X.690 8.1.2), as far as we meet them. */
enum cert_tag {
	CERT_BOOLEAN = 0x01,
	CERT_INTEGER = 0x02,
	CERT_BITS = 0x03,
	CERT_OCTETS = 0x04,
	CERT_OID = 0x06,
	CERT_UTC_TIME = 0x17,
	CERT_TIME = 0x18,
	CERT_SEQUENCE = 0x30,
	CERT_SET = 0x31,
	CERT_BMP_TEXT = 0x1e,
	CERT_VERSION = 0xa0,
	CERT_EXTENSIONS = 0xa3,
	CERT_PERMITTED = 0xa0,
	CERT_EXCLUDED = 0xa1,
	CERT_DNS_NAME = 0x82,
	CERT_IP_ADDRESS = 0x87,
};

/*
 * Takes the next element off in. Returns its tag, 0 where there is none that is whole; *whole spans
 * header and contents, *inside the contents (either may be NULL).
 */
unsigned cert_next(struct cert_bytes *in, struct cert_bytes *inside, struct cert_bytes *whole);

/* Takes an INTEGER over 0 off in, without the zero that keeps it positive; false: there is none. */
bool cert_number(struct cert_bytes *in, unsigned char **at, size_t *n);

/* Takes der apart; false where it is no certificate. The spans point into der. */
bool cert_parse(struct cert *c, const unsigned char *der, size_t n);

/* The subject of a certificate of which only the first n bytes are at hand; false: not in them. */
bool cert_peek_subject(const unsigned char *der, size_t n, struct cert_bytes *subject);

/* False where ExtKeyUsage is there and holds neither serverAuth nor any purpose. */
bool cert_serves(const struct cert *c);

/* Why we don't take the algorithm that it is signed by, "signed with SHA-1" perhaps; or NULL. */
const char *cert_signature_fault(const struct cert *c);

bool cert_same_bytes(struct cert_bytes a, struct cert_bytes b);

#endif
