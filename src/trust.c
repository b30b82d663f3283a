/* SPDX-License-Identifier: ISC */
/* trust.c: the roots that a server's chain may end in. Opens files, never the network. */
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A root's DER is about 1 to 2 KiB; what is longer than this is none that we could use. */
#define DER_MAX 8192

/* Where distributions keep their bundle: Debian and Alpine, Red Hat, SUSE, BSD-like. */
static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static const unsigned char oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1};
static const unsigned char oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1};

/* RFC 5480 2.1.1.1: the curves that BearSSL has. */
static const struct {
	int curve;
	unsigned char n, oid[8];
} curves[] = {
	{BR_EC_secp256r1, 8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}},
	{BR_EC_secp384r1, 5, {0x2b, 0x81, 0x04, 0x00, 0x22}         },
	{BR_EC_secp521r1, 5, {0x2b, 0x81, 0x04, 0x00, 0x23}         },
};

void
trust_init(struct trust *t)
{
	t->n = 0;
}

void
trust_free(struct trust *t)
{
	while (t->n > 0)
		free(t->ders[--t->n]);
}

/* An INTEGER without the zero that keeps it positive. */
static bool
read_number(struct cert_bytes *in, unsigned char **at, size_t *n)
{
	struct cert_bytes number;

	if (cert_next(in, &number, NULL) != CERT_INTEGER)
		return false;
	while (number.n > 0 && number.at[0] == 0) {
		number.at++;
		number.n--;
	}
	*at = (unsigned char *)number.at;
	*n = number.n;
	return number.n > 0;
}

static bool
read_rsa_key(struct cert_bytes bits, br_x509_pkey *key)
{
	struct cert_bytes numbers;

	key->key_type = BR_KEYTYPE_RSA;
	return cert_next(&bits, &numbers, NULL) == CERT_SEQUENCE &&
	       read_number(&numbers, &key->key.rsa.n, &key->key.rsa.nlen) &&
	       read_number(&numbers, &key->key.rsa.e, &key->key.rsa.elen);
}

static bool
read_ec_key(struct cert_bytes algorithm, struct cert_bytes bits, br_x509_pkey *key)
{
	struct cert_bytes curve;
	size_t i;

	if (cert_next(&algorithm, &curve, NULL) != CERT_OID)
		return false;
	key->key_type = BR_KEYTYPE_EC;
	key->key.ec.q = (unsigned char *)bits.at;
	key->key.ec.qlen = bits.n;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (cert_same_bytes(curve, (struct cert_bytes){curves[i].oid, curves[i].n})) {
			key->key.ec.curve = curves[i].curve;
			return true;
		}
	}
	return false;
}

/* A SubjectPublicKeyInfo (RFC 5280 4.1.2.7); false for keys that BearSSL has no code for. */
static bool
read_key(struct cert_bytes spki, br_x509_pkey *key)
{
	struct cert_bytes parts, algorithm, oid, bits;

	if (cert_next(&spki, &parts, NULL) != CERT_SEQUENCE ||
		cert_next(&parts, &algorithm, NULL) != CERT_SEQUENCE ||
		cert_next(&parts, &bits, NULL) != CERT_BITS || bits.n < 2 || bits.at[0] != 0 ||
		cert_next(&algorithm, &oid, NULL) != CERT_OID)
		return false;
	bits.at++;
	bits.n--;
	if (cert_same_bytes(oid, (struct cert_bytes){oid_rsa, sizeof(oid_rsa)}))
		return read_rsa_key(bits, key);
	if (cert_same_bytes(oid, (struct cert_bytes){oid_ec, sizeof(oid_ec)}))
		return read_ec_key(algorithm, bits, key);
	return false;
}

static bool
is_wanted(struct cert_bytes subject, const struct cert_bytes *issuers, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (cert_same_bytes(subject, issuers[i]))
			return true;
	}
	return false;
}

/* Keeps one certificate, if it is a root that we want. False: memory ran out. */
static bool
consider(struct trust *t, const unsigned char *der, size_t n, const struct cert_bytes *issuers,
	size_t issuer_count)
{
	br_x509_trust_anchor *root = &t->roots[t->n];
	unsigned char *copy;
	struct cert c;

	if (!cert_parse(&c, der, n) || !is_wanted(c.subject, issuers, issuer_count))
		return true;
	if (c.not_after < time(NULL) || t->n == TRUST_ROOTS_MAX)
		return true;
	copy = malloc(n);
	if (copy == NULL)
		return false;
	memcpy(copy, der, n);
	if (!cert_parse(&c, copy, n) || !read_key(c.key, &root->pkey)) {
		free(copy);
		return true;
	}
	/* BearSSL takes these bytes as they are; the copy lives as long as the root. */
	root->dn.data = (unsigned char *)c.subject.at;
	root->dn.len = c.subject.n;
	root->flags = c.is_ca ? BR_X509_TA_CA : 0;
	t->ders[t->n++] = copy;
	return true;
}

/* The place of a line's text, or NULL; lines begin with '-' nowhere else in a bundle. */
static const char *
find_line(const char *at, const char *end, const char *line, size_t n)
{
	while (at < end && (at = memchr(at, '-', (size_t)(end - at))) != NULL) {
		if ((size_t)(end - at) >= n && memcmp(at, line, n) == 0)
			return at;
		at++;
	}
	return NULL;
}

/* RFC 7468 2: what stands between the certificate's two lines; false where no whole one is left. */
static bool
next_pem(const char **at, const char *end, const char **body, size_t *n)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const char finish[] = "-----END CERTIFICATE-----";
	const char *start, *stop;

	start = find_line(*at, end, begin, sizeof(begin) - 1);
	if (start == NULL)
		return false;
	start += sizeof(begin) - 1;
	stop = find_line(start, end, finish, sizeof(finish) - 1);
	if (stop == NULL)
		return false;
	*body = start;
	*n = (size_t)(stop - start);
	*at = stop + sizeof(finish) - 1;
	return true;
}

/*
 * Reads the bundle piece by piece: what is whole in the buffer is looked at, what isn't moves to
 * its front. A block that doesn't fit is no certificate of ours.
 */
static int
search(struct trust *t, int fd, const char *path, const struct cert_bytes *issuers, size_t n,
	struct err *e)
{
	char pem[2 * DER_MAX];
	unsigned char der[DER_MAX];
	size_t have = 0, seen = 0, body_len;
	const char *at, *body;
	ssize_t got;
	long der_len;

	while ((got = read(fd, pem + have, sizeof(pem) - have)) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_errno(e, ERR_CONFIG, "tls_trust: cannot read %s", path);
		have += (size_t)got;
		for (at = pem; next_pem(&at, pem + have, &body, &body_len); seen++) {
			der_len = text_unbase64(body, body_len, der, sizeof(der));
			if (der_len > 0 && !consider(t, der, (size_t)der_len, issuers, n))
				return err_set(
					e, ERR_SYSTEM, "no memory for the roots in %s", path);
		}
		have -= (size_t)(at - pem);
		if (have == sizeof(pem)) {
			at += have - 64; /* the beginning of a line may be in there */
			have = 64;
		}
		memmove(pem, at, have);
	}
	if (seen == 0)
		return err_set(
			e, ERR_CONFIG, "tls_trust: %s holds no certificate in PEM form", path);
	return 0;
}

static int
open_bundle(const char *source, const char **path, struct err *e)
{
	size_t i;
	int fd;

	*path = source;
	if (strcmp(source, "system") != 0) {
		fd = open(source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		return fd != -1 ? fd
				: err_errno(e, ERR_CONFIG, "tls_trust: cannot open %s", source);
	}
	for (i = 0; i < sizeof(system_bundles) / sizeof(system_bundles[0]); i++) {
		fd = open(system_bundles[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd != -1) {
			*path = system_bundles[i];
			return fd;
		}
	}
	return err_set(e, ERR_CONFIG,
		"no CA bundle on this system: install ca-certificates, or name one in tls_trust");
}

int
trust_find(struct trust *t, const char *source, const struct cert_bytes *issuers, size_t n,
	struct err *e)
{
	const char *path;
	int fd = open_bundle(source, &path, e), result;

	if (fd == -1)
		return -1;
	result = search(t, fd, path, issuers, n, e);
	(void)close(fd);
	return result;
}
