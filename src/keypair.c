/* SPDX-License-Identifier: ISC */
/* keypair.c: our own certificate and its private key, for servers that ask. Does no TLS. */
#include "keypair.h"
#include "cert.h"
#include "pem.h"
#include "secret.h"
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a walk over the files fills. */
struct loading {
	struct keypair *pair;
	bool has_key, is_encrypted, no_memory, too_many;
};

static void
take_certificate(struct loading *l, const unsigned char *der, size_t n)
{
	struct keypair *k = l->pair;
	unsigned char *copy;

	if (k->n == KEYPAIR_CERTS_MAX) {
		l->too_many = true;
		return;
	}
	copy = malloc(n);
	if (copy == NULL) {
		l->no_memory = true;
		return;
	}
	memcpy(copy, der, n);
	k->chain[k->n].data = copy;
	k->chain[k->n++].data_len = n;
}

/* RFC 8017 A.1.2, behind the version; how long the modulus is the certificate will say. */
static bool
read_rsa_key(br_rsa_private_key *k, struct cert_bytes in)
{
	unsigned char *unused;
	size_t n;

	return cert_number(&in, &unused, &n) && cert_number(&in, &unused, &n) &&
	       cert_number(&in, &unused, &n) && cert_number(&in, &k->p, &k->plen) &&
	       cert_number(&in, &k->q, &k->qlen) && cert_number(&in, &k->dp, &k->dplen) &&
	       cert_number(&in, &k->dq, &k->dqlen) && cert_number(&in, &k->iq, &k->iqlen);
}

/*
 * Behind the version there is an algorithm in PKCS#8 (RFC 5958, with one of the others inside), the
 * modulus in PKCS#1, the key itself in SEC 1 (RFC 5915). Returns the type; of an EC key the
 * certificate will say the curve.
 */
static int
read_key(struct keypair *k, struct cert_bytes in, bool inside)
{
	struct cert_bytes parts, behind, part;

	if (cert_next(&in, &parts, NULL) != CERT_SEQUENCE ||
		cert_next(&parts, &part, NULL) != CERT_INTEGER)
		return 0;
	behind = parts;
	switch (cert_next(&behind, &part, NULL)) {
	case CERT_SEQUENCE:
		if (inside || cert_next(&behind, &part, NULL) != CERT_OCTETS)
			return 0;
		return read_key(k, part, true);
	case CERT_OCTETS:
		k->ec = (br_ec_private_key){0, (unsigned char *)part.at, part.n};
		return part.n > 0 && part.n <= BR_EC_KBUF_PRIV_MAX_SIZE ? BR_KEYTYPE_EC : 0;
	case CERT_INTEGER:
		return read_rsa_key(&k->rsa, parts) ? BR_KEYTYPE_RSA : 0;
	default:
		return 0;
	}
}

static void
take_key(struct loading *l, const unsigned char *der, size_t n)
{
	struct keypair *k = l->pair;

	if (n > sizeof(k->der))
		return;
	memcpy(k->der, der, n);
	k->key_type = read_key(k, (struct cert_bytes){k->der, n}, false);
	l->has_key = k->key_type != 0;
}

static bool
visit(void *ctx, const struct pem_block *block)
{
	struct loading *l = ctx;
	unsigned char der[PEM_DER_MAX];
	long n = pem_decode(block, der, sizeof(der));

	if (n > 0 && pem_is(block, "CERTIFICATE"))
		take_certificate(l, der, (size_t)n);
	if (n > 0 && !l->has_key &&
		(pem_is(block, "PRIVATE KEY") || pem_is(block, "RSA PRIVATE KEY") ||
			pem_is(block, "EC PRIVATE KEY")))
		take_key(l, der, (size_t)n);
	/* RFC 1421 4.6.1.1: the old form says in a header that it is encrypted, so it's no base64. */
	l->is_encrypted =
		l->is_encrypted || pem_is(block, "ENCRYPTED PRIVATE KEY") ||
		(n == -1 && block->label_len > 11 &&
			memcmp(block->label + block->label_len - 11, "PRIVATE KEY", 11) == 0);
	text_wipe(der, sizeof(der));
	return !l->no_memory && !l->too_many;
}

/* The last eight bytes of a number. */
static uint64_t
tail_of(const unsigned char *at, size_t n)
{
	uint64_t value = 0;
	size_t i;

	for (i = n < 8 ? 0 : n - 8; i < n; i++)
		value = value << 8 | at[i];
	return value;
}

static size_t
bits_of(const unsigned char *at, size_t n)
{
	size_t bits = 8 * (n - 1);
	unsigned first;

	for (first = at[0]; first != 0; first >>= 1)
		bits++;
	return bits;
}

/*
 * The certificate's key is the one that the private key belongs to. Of RSA keys the last 64 bits of
 * the product are compared: BearSSL's own function for it can't do 4096 bits.
 */
static bool
is_pair(struct keypair *k)
{
	unsigned char point[BR_EC_KBUF_PUB_MAX_SIZE];
	br_rsa_private_key *rsa = &k->rsa;
	br_x509_pkey public;
	struct cert leaf;
	size_t n;

	if (!cert_parse(&leaf, k->chain[0].data, k->chain[0].data_len) ||
		trust_key(leaf.key, &public) != NULL || public.key_type != k->key_type)
		return false;
	if (k->key_type == BR_KEYTYPE_RSA) {
		n = public.key.rsa.nlen;
		rsa->n_bitlen = (uint32_t)bits_of(public.key.rsa.n, n);
		return (rsa->plen + rsa->qlen == n || rsa->plen + rsa->qlen == n + 1) &&
		       tail_of(rsa->p, rsa->plen) * tail_of(rsa->q, rsa->qlen) ==
			       tail_of(public.key.rsa.n, n);
	}
	k->ec.curve = public.key.ec.curve;
	n = br_ec_compute_pub(br_ec_get_default(), NULL, point, &k->ec);
	return n > 0 && cert_same_bytes((struct cert_bytes){point, n},
				(struct cert_bytes){public.key.ec.q, public.key.ec.qlen});
}

static const char *
fault_of(const struct loading *l)
{
	if (l->no_memory)
		return "no memory for the client certificate";
	if (l->too_many)
		return "tls_cert holds more than 8 certificates";
	if (l->pair->n == 0)
		return "tls_cert holds no certificate in PEM form";
	if (!l->has_key)
		return l->is_encrypted ? "the private key of tls_cert is encrypted, and there is "
					 "nobody to ask for its password: write it out plainly"
				       : "no private key for tls_cert (RSA or EC, in PEM form)";
	if (!is_pair(l->pair))
		return "the private key doesn't belong to the certificate in tls_cert";
	return NULL;
}

static int
read_pem(struct loading *l, int fd, const char *path, struct err *e)
{
	long count = pem_read(fd, visit, l);

	if (count == -1)
		(void)err_errno(e, ERR_CONFIG, "cannot read %s", path);
	(void)close(fd);
	return count == -1 ? -1 : 0;
}

/* Where the key stands alone, the certificate is no secret. */
static int
open_certificate(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd != -1 ? fd : err_errno(e, ERR_CONFIG, "cannot open the tls_cert %s", path);
}

int
keypair_load(struct keypair *k, const struct profile *p, const struct world *w, struct err *e)
{
	struct loading l = {.pair = k};
	const char *wrong, *key = p->tls_key != NULL ? "tls_key" : "tls_cert";
	char path[4096];
	int fd;

	k->n = 0;
	k->key_type = 0;
	if (p->tls_key != NULL) {
		fd = open_certificate(p->tls_cert, e);
		if (fd == -1 || read_pem(&l, fd, p->tls_cert, e) == -1)
			return -1;
	}
	fd = secret_open(
		p, w, key, p->tls_key != NULL ? p->tls_key : p->tls_cert, path, sizeof(path), e);
	if (fd == -1 || read_pem(&l, fd, path, e) == -1)
		return -1;
	wrong = fault_of(&l);
	return wrong == NULL ? 0 : err_set(e, l.no_memory ? ERR_SYSTEM : ERR_CONFIG, "%s", wrong);
}

void
keypair_free(struct keypair *k)
{
	while (k->n > 0)
		free(k->chain[--k->n].data);
	text_wipe(k->der, sizeof(k->der));
}

void
keypair_use(const struct keypair *k, br_ssl_client_context *client)
{
	if (k->key_type == BR_KEYTYPE_RSA)
		br_ssl_client_set_single_rsa(
			client, k->chain, k->n, &k->rsa, br_rsa_i31_pkcs1_sign);
	/* For signing alone: no suite of ours has a static key exchange. */
	else
		br_ssl_client_set_single_ec(client, k->chain, k->n, &k->ec, BR_KEYTYPE_SIGN,
			BR_KEYTYPE_EC, br_ec_get_default(), br_ecdsa_i31_sign_asn1);
}
