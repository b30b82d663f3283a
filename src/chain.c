/* SPDX-License-Identifier: ISC */
/* chain.c: the certificates that a server shows, put in order and verified. Does no TLS. */
#include "chain.h"

#include <string.h>
#include <time.h>

/* RFC 8301 and CA/B: no RSA key under 2048 bits. */
#define RSA_BYTES_MIN 256

static struct chain *
chain_of(const br_x509_class **ctx)
{
	return (struct chain *)(void *)ctx;
}

static void
start_chain(const br_x509_class **ctx, const char *server_name)
{
	struct chain *c = chain_of(ctx);

	(void)server_name; /* ours is in c->name: BearSSL's may be NULL, and then it checks none */
	c->n = 0;
	c->bytes.len = 0;
	c->too_large = false;
}

static void
start_cert(const br_x509_class **ctx, uint32_t length)
{
	struct chain *c = chain_of(ctx);

	if (c->n == CHAIN_CERTS_MAX || length > CHAIN_BYTES_MAX)
		c->too_large = true;
}

static void
append(const br_x509_class **ctx, const unsigned char *buf, size_t len)
{
	struct chain *c = chain_of(ctx);

	if (!c->too_large)
		text_add(&c->bytes, (const char *)buf, len);
}

static void
end_cert(const br_x509_class **ctx)
{
	struct chain *c = chain_of(ctx);

	c->too_large = c->too_large || c->bytes.cut;
	if (!c->too_large)
		c->ends[c->n++] = c->bytes.len;
}

static struct cert_bytes
cert_at(const struct chain *c, size_t i)
{
	size_t start = i == 0 ? 0 : c->ends[i - 1];

	return (struct cert_bytes){(const unsigned char *)c->bytes.at + start, c->ends[i] - start};
}

static unsigned
refuse(struct chain *c, const char *words, unsigned code)
{
	(void)err_set(c->e, ERR_TLS, "%s", words);
	return code;
}

/* What BearSSL leaves out: a name in the SAN only, the purpose critical or not. */
static unsigned
check_leaf(struct chain *c, const struct cert *leaf)
{
	struct text words;
	char buf[1024];

	text_fixed(&words, buf, sizeof(buf));
	if (!cert_names_host(leaf, c->name)) {
		text_printf(&words, "its certificate is not for %s, but for ", c->name);
		cert_names(leaf, &words);
		return refuse(c, buf, BR_ERR_X509_BAD_SERVER_NAME);
	}
	if (!cert_serves(leaf))
		return refuse(
			c, "its certificate is not for servers", BR_ERR_X509_FORBIDDEN_KEY_USAGE);
	return 0;
}

static void
date_words(time_t at, struct text *out)
{
	struct tm utc;

	if (gmtime_r(&at, &utc) != NULL)
		text_printf(out, "%04d-%02d-%02d %02d:%02d UTC", utc.tm_year + 1900, utc.tm_mon + 1,
			utc.tm_mday, utc.tm_hour, utc.tm_min);
}

static void
expired_words(const struct cert *certs, size_t n, struct text *out)
{
	time_t now = time(NULL);
	size_t i;

	for (i = 0; i < n; i++) {
		if (now >= certs[i].not_before && now <= certs[i].not_after)
			continue;
		text_puts(out, "the certificate of ");
		cert_name_words(certs[i].subject, out);
		text_puts(out, now < certs[i].not_before ? " is not valid before " : " expired ");
		date_words(
			now < certs[i].not_before ? certs[i].not_before : certs[i].not_after, out);
		break;
	}
	text_puts(out, "; this machine's clock says ");
	date_words(now, out);
}

static void
untrusted_words(const struct chain *c, const struct cert *certs, size_t n, struct text *out)
{
	text_puts(out, "its certificate leads to no trusted root: ");
	cert_name_words(certs[0].subject, out);
	text_puts(out, ", issued by ");
	cert_name_words(certs[n - 1].issuer, out);
	text_printf(out, " (roots: %s)", c->source);
}

/* BearSSL's verdict in words. certs: what was verified, leaf first. */
static unsigned
name_verdict(struct chain *c, const struct cert *certs, size_t n, unsigned code)
{
	static const struct {
		unsigned code;
		const char *words;
	} rows[] = {
		{BR_ERR_X509_BAD_SIGNATURE,       "a signature in its certificate chain is wrong"          },
		{BR_ERR_X509_UNSUPPORTED,
                 "its certificate chain is signed in a way that isn't accepted "
			"(SHA-1, MD5), or that isn't known here (RSA-PSS, Ed25519)"                        },
		{BR_ERR_X509_CRITICAL_EXTENSION,
                 "its certificate has a critical extension that isn't "
			"known here"								       },
		{BR_ERR_X509_NOT_CA,              "its certificate is issued by one that may not issue any"},
		{BR_ERR_X509_FORBIDDEN_KEY_USAGE, "its certificate's key is not for this use"              },
		{BR_ERR_X509_WEAK_PUBLIC_KEY,
                 "its certificate chain has an RSA key under 2048 bits"                                    },
		{BR_ERR_X509_WRONG_KEY_TYPE,
                 "its certificate has a key of a kind that isn't known here"                               },
		{BR_ERR_X509_LIMIT_EXCEEDED,
                 "its certificate chain has a key that is too large (RSA over "
			"4096 bits)"								       },
	};
	struct text words;
	char buf[1024];
	size_t i;

	text_fixed(&words, buf, sizeof(buf));
	if (code == BR_ERR_X509_EXPIRED)
		expired_words(certs, n, &words);
	else if (code == BR_ERR_X509_NOT_TRUSTED || code == BR_ERR_X509_DN_MISMATCH)
		untrusted_words(c, certs, n, &words);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code)
			text_puts(&words, rows[i].words);
	}
	if (words.len == 0)
		text_printf(
			&words, "its certificate chain can't be decoded (BearSSL error %u)", code);
	return refuse(c, buf, code);
}

/* Takes the certificates apart; what isn't one, apart from the leaf, is left out. */
static size_t
parse_all(const struct chain *c, struct cert *certs, struct cert_bytes *ders)
{
	size_t n = 0, i;

	for (i = 0; i < c->n; i++) {
		struct cert_bytes der = cert_at(c, i);

		if (!cert_parse(&certs[n], der.at, der.n)) {
			if (i == 0)
				return 0;
			continue;
		}
		ders[n++] = der;
	}
	return n;
}

static void
swap(struct cert *certs, struct cert_bytes *ders, size_t a, size_t b)
{
	struct cert cert = certs[a];
	struct cert_bytes der = ders[a];

	certs[a] = certs[b];
	ders[a] = ders[b];
	certs[b] = cert;
	ders[b] = der;
}

static bool
is_self_issued(const struct cert *c)
{
	return cert_same_bytes(c->issuer, c->subject);
}

/* Leaf first, each followed by its issuer. Returns how many belong together. */
static size_t
put_in_order(struct cert *certs, struct cert_bytes *ders, size_t n)
{
	size_t placed = 1, i;

	while (placed < n) {
		if (is_self_issued(&certs[placed - 1]))
			break;
		for (i = placed; i < n; i++) {
			if (cert_same_bytes(certs[i].subject, certs[placed - 1].issuer))
				break;
		}
		if (i == n)
			break;
		swap(certs, ders, placed++, i);
	}
	return placed;
}

/* A root that is sent along proves nothing, and BearSSL would stumble over it. */
static size_t
without_root(const struct cert *certs, size_t n)
{
	return n > 1 && is_self_issued(&certs[n - 1]) ? n - 1 : n;
}

static unsigned
verify(struct chain *c, const struct cert_bytes *ders, size_t n)
{
	const br_x509_class **minimal = &c->minimal.vtable;
	size_t i;

	br_x509_minimal_init(&c->minimal, &br_sha256_vtable, c->trust.roots, c->trust.n);
	br_x509_minimal_set_hash(&c->minimal, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(&c->minimal, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(&c->minimal, br_sha512_ID, &br_sha512_vtable);
	br_x509_minimal_set_rsa(&c->minimal, br_rsa_pkcs1_vrfy_get_default());
	br_x509_minimal_set_ecdsa(
		&c->minimal, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
	br_x509_minimal_set_minrsa(&c->minimal, RSA_BYTES_MIN);
	/* No name for BearSSL: check_leaf has matched it, addresses too. */
	(*minimal)->start_chain(minimal, NULL);
	for (i = 0; i < n; i++) {
		(*minimal)->start_cert(minimal, (uint32_t)ders[i].n);
		(*minimal)->append(minimal, ders[i].at, ders[i].n);
		(*minimal)->end_cert(minimal);
	}
	return (*minimal)->end_chain(minimal);
}

static unsigned
end_chain(const br_x509_class **ctx)
{
	struct chain *c = chain_of(ctx);
	struct cert certs[CHAIN_CERTS_MAX];
	struct cert_bytes ders[CHAIN_CERTS_MAX], issuers[CHAIN_CERTS_MAX];
	size_t n, i;
	unsigned code;

	if (c->too_large)
		return refuse(c, "its certificate chain is too large", BR_ERR_X509_LIMIT_EXCEEDED);
	n = c->n > 0 ? parse_all(c, certs, ders) : 0;
	if (n == 0)
		return refuse(
			c, "it showed no certificate that can be decoded", BR_ERR_X509_EMPTY_CHAIN);
	code = check_leaf(c, &certs[0]);
	if (code != 0)
		return code;
	for (i = 0; i < n; i++)
		issuers[i] = certs[i].issuer;
	trust_free(&c->trust);
	trust_init(&c->trust);
	if (trust_find(&c->trust, c->source, issuers, n, c->e) == -1)
		return BR_ERR_X509_NOT_TRUSTED;
	n = put_in_order(certs, ders, n);
	code = verify(c, ders, without_root(certs, n));
	return code == 0 ? 0 : name_verdict(c, certs, n, code);
}

static const br_x509_pkey *
get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
	const struct chain *c = (const struct chain *)(const void *)ctx;

	return c->minimal.vtable->get_pkey(&c->minimal.vtable, usages);
}

static const br_x509_class chain_class = {
	sizeof(struct chain), start_chain, start_cert, append, end_cert, end_chain, get_pkey};

void
chain_init(struct chain *c, const char *source, const char *name, struct err *e)
{
	c->vtable = &chain_class;
	c->source = source;
	c->name = name;
	c->e = e;
	text_heap(&c->bytes, CHAIN_BYTES_MAX);
	c->n = 0;
	c->too_large = false;
	trust_init(&c->trust);
	/* get_pkey may be asked before a chain was seen. */
	br_x509_minimal_init(&c->minimal, &br_sha256_vtable, NULL, 0);
}

bool
chain_describe(const struct chain *c, size_t i, struct text *out)
{
	struct cert cert;

	if (i >= c->n || !cert_parse(&cert, cert_at(c, i).at, cert_at(c, i).n))
		return false;
	text_puts(out, "certificate of ");
	cert_name_words(cert.subject, out);
	if (i == 0) {
		text_puts(out, " for ");
		cert_names(&cert, out);
	}
	text_puts(out, ", issued by ");
	cert_name_words(cert.issuer, out);
	text_puts(out, ", until ");
	date_words(cert.not_after, out);
	return true;
}

void
chain_free(struct chain *c)
{
	text_free(&c->bytes);
	trust_free(&c->trust);
}
