/* SPDX-License-Identifier: ISC */
/* trust_key.c: a certificate's public key, if it is of a kind and size that can be used. */
#include "trust.h"

/* RFC 8301 and CA/B: no RSA key under 2048 bits; BearSSL has no room for one over 4096. */
#define RSA_BYTES_MIN 256
#define RSA_BYTES_MAX 512

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

static const char *
read_rsa_key(struct cert_bytes bits, br_x509_pkey *key)
{
	struct cert_bytes numbers;

	key->key_type = BR_KEYTYPE_RSA;
	if (cert_next(&bits, &numbers, NULL) != CERT_SEQUENCE ||
		!cert_number(&numbers, &key->key.rsa.n, &key->key.rsa.nlen) ||
		!cert_number(&numbers, &key->key.rsa.e, &key->key.rsa.elen))
		return "has an RSA key that can't be decoded";
	if (key->key.rsa.nlen < RSA_BYTES_MIN)
		return "has an RSA key under 2048 bits";
	return key->key.rsa.nlen > RSA_BYTES_MAX ? "has an RSA key over 4096 bits" : NULL;
}

static const char *
read_ec_key(struct cert_bytes algorithm, struct cert_bytes bits, br_x509_pkey *key)
{
	struct cert_bytes curve;
	size_t i;

	key->key_type = BR_KEYTYPE_EC;
	key->key.ec.q = (unsigned char *)bits.at;
	key->key.ec.qlen = bits.n;
	if (cert_next(&algorithm, &curve, NULL) == CERT_OID) {
		for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
			if (!cert_same_bytes(
				    curve, (struct cert_bytes){curves[i].oid, curves[i].n}))
				continue;
			key->key.ec.curve = curves[i].curve;
			return NULL;
		}
	}
	return "has a key on a curve that isn't known here (P-256, P-384 and P-521 are)";
}

const char *
trust_key(struct cert_bytes spki, br_x509_pkey *key)
{
	static const unsigned char oid_pss[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10};
	static const unsigned char oid_ed25519[] = {0x2b, 0x65, 0x70};
	static const unsigned char oid_dsa[] = {0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1};
	struct cert_bytes parts, algorithm, oid, bits;

	if (cert_next(&spki, &parts, NULL) != CERT_SEQUENCE ||
		cert_next(&parts, &algorithm, NULL) != CERT_SEQUENCE ||
		cert_next(&parts, &bits, NULL) != CERT_BITS || bits.n < 2 || bits.at[0] != 0 ||
		cert_next(&algorithm, &oid, NULL) != CERT_OID)
		return "has a key that can't be decoded";
	bits.at++;
	bits.n--;
	if (cert_same_bytes(oid, (struct cert_bytes){oid_rsa, sizeof(oid_rsa)}))
		return read_rsa_key(bits, key);
	if (cert_same_bytes(oid, (struct cert_bytes){oid_ec, sizeof(oid_ec)}))
		return read_ec_key(algorithm, bits, key);
	if (cert_same_bytes(oid, (struct cert_bytes){oid_pss, sizeof(oid_pss)}))
		return "has an RSA-PSS key, which BearSSL doesn't know";
	if (cert_same_bytes(oid, (struct cert_bytes){oid_ed25519, sizeof(oid_ed25519)}))
		return "has an Ed25519 key, which BearSSL doesn't know";
	if (cert_same_bytes(oid, (struct cert_bytes){oid_dsa, sizeof(oid_dsa)}))
		return "has a DSA key, which BearSSL doesn't know";
	return "has a key of a kind that isn't known here";
}
