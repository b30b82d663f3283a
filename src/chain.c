/* SPDX-License-Identifier: ISC */
/* chain.c: the certificates that a server shows, put in order and verified. Does no TLS. */
#include "chain.h"
#include "names.h"

#include <string.h>

static struct chain *
chain_of(const br_x509_class **ctx)
{
	return (struct chain *)(void *)ctx;
}

static void
start_chain(const br_x509_class **ctx, const char *server_name)
{
	struct chain *c = chain_of(ctx);

	(void)server_name; /* ours is in the policy: BearSSL's may be NULL, and then it checks none */
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

static bool
is_pin_alone(const struct chain_policy *policy)
{
	return policy->trust != NULL && strcmp(policy->trust, "pin") == 0;
}

static unsigned
refuse(struct chain *c, const char *words, unsigned code)
{
	c->refused = true;
	(void)err_set(c->e, ERR_TLS, "%s", words);
	return code;
}

/* A name in the SAN only. */
static unsigned
check_name(struct chain *c, const struct cert *leaf)
{
	struct text words;
	char buf[1024];

	if (names_have(leaf, c->policy->name))
		return 0;
	text_fixed(&words, buf, sizeof(buf));
	text_printf(&words, "its certificate is not for %s, but for ", c->policy->name);
	names_list(leaf, &words);
	return refuse(c, buf, BR_ERR_X509_BAD_SERVER_NAME);
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

/* The leaf's name, and a way from it to a root: 0 where all of it holds. */
static unsigned
verify_all(struct chain *c, const struct cert *certs, const struct cert_bytes *ders, size_t n)
{
	struct cert_bytes issuers[CHAIN_CERTS_MAX + 1];
	struct path path = {.host = c->policy->name,
		.trust = &c->trust,
		.certs = certs,
		.ders = ders,
		.n = n,
		.minimal = &c->minimal,
		.e = c->e};
	unsigned code = check_name(c, &certs[0]);
	size_t i;

	if (code != 0)
		return code;
	for (i = 0; i < n; i++)
		issuers[i] = certs[i].issuer;
	issuers[n] = certs[0].subject; /* the leaf itself may be what is trusted */
	trust_free(&c->trust);
	trust_init(&c->trust);
	if (trust_find(&c->trust, c->policy->trust, issuers, n + 1, c->e) == -1)
		return BR_ERR_X509_NOT_TRUSTED;
	code = path_find(&path);
	if (code != 0)
		c->refused = true;
	else
		c->key = c->minimal.vtable->get_pkey(&c->minimal.vtable, NULL);
	return code;
}

static unsigned
check_pin(struct chain *c)
{
	char pin[CHAIN_PIN_SIZE], words[256];
	size_t i, n;

	chain_pin(c, pin);
	n = strlen(pin);
	while (n > 0 && pin[n - 1] == '=')
		n--;
	for (i = 0; i < c->policy->pin_count; i++) {
		const char *wanted = c->policy->pins[i];

		if (strncmp(wanted, pin, n) == 0 && wanted[n + strspn(wanted + n, "=")] == '\0')
			return 0;
	}
	(void)text_format(
		words, sizeof(words), "its key is none of those in tls_pin: it is %s", pin);
	return refuse(c, words, BR_ERR_X509_NOT_TRUSTED);
}

static unsigned
end_chain(const br_x509_class **ctx)
{
	struct chain *c = chain_of(ctx);
	struct cert certs[CHAIN_CERTS_MAX];
	struct cert_bytes ders[CHAIN_CERTS_MAX];
	const struct chain_policy *policy = c->policy;
	const char *fault;
	char words[128];
	unsigned code = 0;
	size_t n;

	if (c->too_large && c->bytes.no_memory)
		(void)err_set(c->e, ERR_SYSTEM, "no memory for the server's certificates");
	if (c->too_large)
		return refuse(c,
			"its certificate chain is too large (over 16 certificates or 64 KiB)",
			BR_ERR_X509_LIMIT_EXCEEDED);
	n = c->n > 0 ? parse_all(c, certs, ders) : 0;
	if (n == 0)
		return refuse(c, "it showed no certificate, or none that can be decoded",
			BR_ERR_X509_EMPTY_CHAIN);
	if (policy->pin_count > 0)
		code = check_pin(c);
	if (code != 0)
		return code;
	if (policy->verify && !is_pin_alone(policy))
		return verify_all(c, certs, ders, n);
	fault = trust_key(certs[0].key, &c->bare_key);
	if (fault != NULL) {
		(void)text_format(words, sizeof(words), "its certificate %s", fault);
		return refuse(c, words, BR_ERR_X509_WRONG_KEY_TYPE);
	}
	c->key = &c->bare_key;
	return 0;
}

static const br_x509_pkey *
get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
	const struct chain *c = (const struct chain *)(const void *)ctx;

	if (c->key == NULL)
		return NULL;
	if (c->key != &c->bare_key)
		return c->minimal.vtable->get_pkey(&c->minimal.vtable, usages);
	if (usages != NULL)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return c->key;
}

static const br_x509_class chain_class = {
	sizeof(struct chain), start_chain, start_cert, append, end_cert, end_chain, get_pkey};

void
chain_init(struct chain *c, const struct chain_policy *policy, struct err *e)
{
	c->vtable = &chain_class;
	c->policy = policy;
	c->e = e;
	text_heap(&c->bytes, CHAIN_BYTES_MAX);
	c->n = 0;
	c->too_large = false;
	c->refused = false;
	c->key = NULL; /* get_pkey may be asked before a chain was seen */
	trust_init(&c->trust);
}

bool
chain_is_verified(const struct chain_policy *policy)
{
	return policy->verify && (!is_pin_alone(policy) || policy->pin_count > 0);
}

void
chain_pin(const struct chain *c, char *pin)
{
	br_sha256_context sha;
	unsigned char hash[br_sha256_SIZE];
	struct cert leaf;
	struct text out;

	text_fixed(&out, pin, CHAIN_PIN_SIZE);
	if (c->n == 0 || !cert_parse(&leaf, cert_at(c, 0).at, cert_at(c, 0).n))
		return;
	br_sha256_init(&sha);
	br_sha256_update(&sha, leaf.key.at, leaf.key.n);
	br_sha256_out(&sha, hash);
	text_puts(&out, "sha256:");
	text_base64(&out, hash, sizeof(hash));
}

/* RFC 8017 A.2.4 and RFC 5758 3.2: the last byte of sha*WithRSAEncryption and ecdsa-with-SHA*. */
static const br_hash_class *
signature_hash(struct cert_bytes oid)
{
	static const unsigned char rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1};
	static const unsigned char ecdsa[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3};
	unsigned last;

	if (oid.n == 0)
		return NULL;
	last = oid.at[--oid.n];
	if (cert_same_bytes(oid, (struct cert_bytes){rsa, sizeof(rsa)}))
		return last == 12                             ? &br_sha384_vtable
		       : last == 13                           ? &br_sha512_vtable
		       : last == 11 || last == 4 || last == 5 ? &br_sha256_vtable
							      : NULL;
	if (cert_same_bytes(oid, (struct cert_bytes){ecdsa, sizeof(ecdsa)}))
		return last == 2   ? &br_sha256_vtable
		       : last == 3 ? &br_sha384_vtable
		       : last == 4 ? &br_sha512_vtable
				   : NULL;
	return NULL;
}

size_t
chain_end_point(const struct chain *c, unsigned char *hash)
{
	struct cert_bytes der, in, outer, algorithm, oid;
	const br_hash_class *class;
	br_hash_compat_context h;

	if (c->n == 0)
		return 0;
	der = cert_at(c, 0);
	in = der;
	if (cert_next(&in, &outer, NULL) != CERT_SEQUENCE ||
		cert_next(&outer, NULL, NULL) != CERT_SEQUENCE ||
		cert_next(&outer, &algorithm, NULL) != CERT_SEQUENCE ||
		cert_next(&algorithm, &oid, NULL) != CERT_OID)
		return 0;
	class = signature_hash(oid);
	if (class == NULL)
		return 0;
	class->init(&h.vtable);
	class->update(&h.vtable, der.at, der.n);
	class->out(&h.vtable, hash);
	return (class->desc >> BR_HASHDESC_OUT_OFF) & BR_HASHDESC_OUT_MASK;
}

bool
chain_describe(const struct chain *c, size_t i, struct text *out)
{
	struct cert cert;

	if (i >= c->n || !cert_parse(&cert, cert_at(c, i).at, cert_at(c, i).n))
		return false;
	text_puts(out, "certificate of ");
	names_words(cert.subject, out);
	if (i == 0) {
		text_puts(out, " for ");
		names_list(&cert, out);
	}
	text_puts(out, ", issued by ");
	names_words(cert.issuer, out);
	text_puts(out, ", until ");
	names_date(cert.not_after, out);
	return true;
}

void
chain_free(struct chain *c)
{
	text_free(&c->bytes);
	trust_free(&c->trust);
}
