/* SPDX-License-Identifier: ISC */
/*
 * roots.c: run at build time, it turns PEM bundles into the C source of the roots compiled in:
 *
 *     roots BUNDLE.. >roots-list.c
 *
 * It reads with the program's own eyes (pem.c, cert.c, trust_key.c), so what it leaves out the
 * program couldn't use either: what has expired, is no CA, or has a key that BearSSL has no code for.
 */
#include "err.h"
#include "pem.h"
#include "roots.h"
#include "trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static size_t count, left_out;

static void
put(const unsigned char *at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		printf("%u,", at[i]);
}

static void
put_number(size_t value, size_t n)
{
	for (; n > 0; n--, value >>= 8)
		printf("%u,", (unsigned)(value & 0xff));
}

/* The kind of the key, and whether the exponent has to be written. */
static enum roots_key
kind_of(const br_x509_pkey *key)
{
	static const unsigned char f4[] = {1, 0, 1};

	if (key->key_type == BR_KEYTYPE_RSA)
		return key->key.rsa.elen == 3 && memcmp(key->key.rsa.e, f4, 3) == 0 ? ROOTS_RSA_F4
										    : ROOTS_RSA;
	return key->key.ec.curve == BR_EC_secp256r1   ? ROOTS_P256
	       : key->key.ec.curve == BR_EC_secp384r1 ? ROOTS_P384
						      : ROOTS_P521;
}

static void
put_root(const struct cert *c, const br_x509_pkey *key)
{
	enum roots_key kind = kind_of(key);
	const br_rsa_public_key *rsa = &key->key.rsa;
	const br_ec_public_key *ec = &key->key.ec;
	size_t exponent = kind == ROOTS_RSA ? 1 + rsa->elen : 0;

	put_number(roots_mark(c->subject), 4);
	put_number((size_t)(c->not_after / 86400), 2);
	put_number(kind, 1);
	put_number(kind <= ROOTS_RSA ? exponent + rsa->nlen : ec->qlen, 2);
	if (kind == ROOTS_RSA) {
		put_number(rsa->elen, 1);
		put(rsa->e, rsa->elen);
	}
	if (kind <= ROOTS_RSA)
		put(rsa->n, rsa->nlen);
	else
		put(ec->q, ec->qlen);
	puts("");
}

static bool
visit(void *ctx, const struct pem_block *block)
{
	unsigned char der[PEM_DER_MAX];
	struct cert c;
	br_x509_pkey key;
	long n = pem_decode(block, der, sizeof(der));

	(void)ctx;
	/* The last day of two bytes is in 2149. */
	if (n <= 0 || !cert_parse(&c, der, (size_t)n) || !c.is_ca || c.not_after < time(NULL) ||
		c.not_after / 86400 > 65535 || trust_key(c.key, &key) != NULL) {
		left_out++;
		return true;
	}
	put_root(&c, &key);
	count++;
	return true;
}

int
main(int argc, char *argv[])
{
	int i, fd;

	puts("/* Made by etc/roots.c. */\n#include \"roots.h\"\nconst unsigned char roots_list[] = "
	     "{");
	for (i = 1; i < argc; i++) {
		fd = open(argv[i], O_RDONLY);
		if (fd == -1 || pem_read(fd, visit, NULL) <= 0) {
			fprintf(stderr, "roots: no certificates in %s\n", argv[i]);
			return 1;
		}
		(void)close(fd);
	}
	puts("};\nconst size_t roots_size = sizeof(roots_list);");
	fprintf(stderr, "  %zu roots compiled in, %zu left out (expired, or not for us)\n", count,
		left_out);
	return fflush(stdout) == 0 && count > 0 ? 0 : 1;
}
