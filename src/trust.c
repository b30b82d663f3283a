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

void
trust_init(struct trust *t)
{
	t->n = 0;
	text_heap(&t->bytes, 1024 * 1024);
}

void
trust_free(struct trust *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->roots[i].dn.data);
	t->n = 0;
	text_free(&t->bytes);
}

static void
append(void *ctx, const void *data, size_t n)
{
	text_add(ctx, data, n);
}

static size_t
key_size(const br_x509_pkey *key)
{
	return key->key_type == BR_KEYTYPE_RSA ? key->key.rsa.nlen + key->key.rsa.elen
					       : key->key.ec.qlen;
}

/* Copies the key's numbers behind the name, in one piece of memory that the root owns. */
static bool
keep_root(struct trust *t, struct cert_bytes name, const br_x509_pkey *key, bool is_ca)
{
	br_x509_trust_anchor *root = &t->roots[t->n];
	unsigned char *own = malloc(name.n + key_size(key));

	if (own == NULL)
		return false;
	memcpy(own, name.at, name.n);
	root->dn.data = own;
	root->dn.len = name.n;
	root->flags = is_ca ? BR_X509_TA_CA : 0;
	root->pkey = *key;
	own += name.n;
	if (key->key_type == BR_KEYTYPE_RSA) {
		memcpy(own, key->key.rsa.n, key->key.rsa.nlen);
		memcpy(own + key->key.rsa.nlen, key->key.rsa.e, key->key.rsa.elen);
		root->pkey.key.rsa.n = own;
		root->pkey.key.rsa.e = own + key->key.rsa.nlen;
	} else {
		memcpy(own, key->key.ec.q, key->key.ec.qlen);
		root->pkey.key.ec.q = own;
	}
	t->n++;
	return true;
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

/* Decodes one certificate, if it is a root that we want. False: memory ran out. */
static bool
consider(struct trust *t, const unsigned char *der, size_t der_len,
	const struct cert_bytes *issuers, size_t n)
{
	br_x509_decoder_context decoder;
	br_x509_pkey *key;
	struct cert c;

	if (!cert_parse(&c, der, der_len) || !is_wanted(c.subject, issuers, n))
		return true;
	if (c.not_after < time(NULL) || t->n == TRUST_ROOTS_MAX)
		return true;
	t->bytes.len = 0;
	br_x509_decoder_init(&decoder, append, &t->bytes);
	br_x509_decoder_push(&decoder, der, der_len);
	key = br_x509_decoder_get_pkey(&decoder);
	if (key == NULL)
		return true; /* a key of a kind that BearSSL has no code for */
	if (t->bytes.cut)
		return false;
	return keep_root(t, (struct cert_bytes){(unsigned char *)t->bytes.at, t->bytes.len}, key,
		br_x509_decoder_isCA(&decoder));
}

/* RFC 7468 2: what stands between the certificate's two lines; false at the bundle's end. */
static bool
next_pem(const char **at, const char *end, const char **body, size_t *n)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	static const char finish[] = "-----END CERTIFICATE-----";
	const char *start, *stop;

	start = memmem(*at, (size_t)(end - *at), begin, sizeof(begin) - 1);
	if (start == NULL)
		return false;
	start += sizeof(begin) - 1;
	stop = memmem(start, (size_t)(end - start), finish, sizeof(finish) - 1);
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
				return err_set(e, ERR_SYSTEM, "no memory for the roots in %s", path);
		}
		have -= (size_t)(at - pem);
		if (have == sizeof(pem)) {
			at += have - 64; /* the beginning of a line may be in there */
			have = 64;
		}
		memmove(pem, at, have);
	}
	if (seen == 0)
		return err_set(e, ERR_CONFIG, "tls_trust: %s holds no certificate in PEM form", path);
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
		return fd != -1 ? fd : err_errno(e, ERR_CONFIG, "tls_trust: cannot open %s", source);
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
