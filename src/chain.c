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
	if (!cert_names_host(leaf, c->policy->name)) {
		text_printf(&words, "its certificate is not for %s, but for ", c->policy->name);
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
untrusted_words(
	const struct chain *c, const struct cert *last, const struct cert *leaf, struct text *out)
{
	text_puts(out, "its certificate leads to no trusted root: ");
	cert_name_words(leaf->subject, out);
	text_puts(out, ", issued by ");
	cert_name_words(leaf->issuer, out);
	if (!cert_same_bytes(last->issuer, leaf->issuer)) {
		text_puts(out, ", its chain's last by ");
		cert_name_words(last->issuer, out);
	}
	if (c->trust.wanted.n > 0) {
		text_puts(out, "; the root ");
		cert_name_words(c->trust.wanted, out);
		text_puts(out, " expired ");
		date_words(c->trust.expired, out);
	}
	text_printf(out, " (roots: %s)", c->trust.where);
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
		untrusted_words(c, &certs[n - 1], &certs[0], &words);
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

static bool
is_in_date(const struct cert *c)
{
	time_t now = time(NULL);

	return now >= c->not_before && now <= c->not_after;
}

/* A way through the certificates, as numbers of them. */
struct path {
	size_t at[CHAIN_CERTS_MAX];
	size_t n;
	bool seen[CHAIN_CERTS_MAX];
	bool any_date;
};

/*
 * From the path's last certificate on to one that a root has issued: each leads to those whose
 * subject is its issuer, and there may be several (cross-signed ones). False where none leads
 * there; the path is as it was then. Every certificate is seen once, so this ends soon.
 */
static bool
lead_to_root(const struct chain *c, const struct cert *certs, size_t n, struct path *p)
{
	const struct cert *last = &certs[p->at[p->n - 1]];
	size_t i;

	if (trust_has(&c->trust, last->issuer))
		return true;
	for (i = 0; i < n; i++) {
		if (p->seen[i] || !cert_same_bytes(certs[i].subject, last->issuer) ||
			(!p->any_date && !is_in_date(&certs[i])))
			continue;
		p->seen[i] = true;
		p->at[p->n++] = i;
		if (lead_to_root(c, certs, n, p))
			return true;
		p->n--;
	}
	return false;
}

/* No way leads to a root: the first issuers that are there, for the words. */
static void
follow_issuers(const struct cert *certs, size_t n, struct path *p)
{
	size_t i;

	*p = (struct path){.n = 1, .seen = {true}};
	for (i = 0; i < n; i++) {
		if (p->seen[i] || !cert_same_bytes(certs[i].subject, certs[p->at[p->n - 1]].issuer))
			continue;
		p->seen[i] = true;
		p->at[p->n++] = i;
		i = 0;
	}
}

/*
 * Puts what BearSSL is to see in front, leaf first; returns how many. Those that are valid today
 * are preferred; where these lead nowhere, the others tell why.
 */
static size_t
put_in_order(const struct chain *c, struct cert *certs, struct cert_bytes *ders, size_t n)
{
	struct cert ordered[CHAIN_CERTS_MAX];
	struct cert_bytes ordered_ders[CHAIN_CERTS_MAX];
	struct path p = {.n = 1, .seen = {true}};
	size_t i;

	if (!lead_to_root(c, certs, n, &p)) {
		p = (struct path){.n = 1, .seen = {true}, .any_date = true};
		if (!lead_to_root(c, certs, n, &p))
			follow_issuers(certs, n, &p);
	}
	for (i = 0; i < p.n; i++) {
		ordered[i] = certs[p.at[i]];
		ordered_ders[i] = ders[p.at[i]];
	}
	memcpy(certs, ordered, p.n * sizeof(ordered[0]));
	memcpy(ders, ordered_ders, p.n * sizeof(ordered_ders[0]));
	return p.n;
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

/* The chain, its leaf's name and purpose: 0 where all of it holds. */
static unsigned
verify_all(struct chain *c, struct cert *certs, struct cert_bytes *ders, size_t n)
{
	struct cert_bytes issuers[CHAIN_CERTS_MAX + 1];
	unsigned code = check_leaf(c, &certs[0]);
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
	n = put_in_order(c, certs, ders, n);
	code = verify(c, ders, n);
	if (code != 0)
		return name_verdict(c, certs, n, code);
	c->key = c->minimal.vtable->get_pkey(&c->minimal.vtable, NULL);
	return 0;
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
	unsigned code = 0;
	size_t n;

	if (c->too_large)
		return refuse(c,
			"its certificate chain is too large (over 16 certificates or 64 KiB)",
			BR_ERR_X509_LIMIT_EXCEEDED);
	n = c->n > 0 ? parse_all(c, certs, ders) : 0;
	if (n == 0)
		return refuse(
			c, "it showed no certificate that can be decoded", BR_ERR_X509_EMPTY_CHAIN);
	if (policy->pin_count > 0)
		code = check_pin(c);
	if (code != 0)
		return code;
	if (policy->verify && !is_pin_alone(policy))
		return verify_all(c, certs, ders, n);
	if (!trust_key(certs[0].key, &c->bare_key))
		return refuse(c, "its certificate has a key of a kind that isn't known here",
			BR_ERR_X509_WRONG_KEY_TYPE);
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
