/* SPDX-License-Identifier: ISC */
/* path.c: a way from a server's certificate to a root, verified. Does no TLS and opens no file. */
#include "path.h"
#include "names.h"

#include <string.h>

/* RFC 8301 and CA/B: no RSA key under 2048 bits. */
#define RSA_BYTES_MIN 256

/* A maze of cross-signed certificates ends here: ways verified, and certificates looked at. */
#define TRIES_MAX 32
#define STEPS_MAX 1024

static bool
is_in_date(const struct cert *c)
{
	time_t now = time(NULL);

	return now >= c->not_before && now <= c->not_after;
}

static unsigned
refuse(struct path *p, const char *words, unsigned code)
{
	if (p->code == 0)
		p->code = code;
	(void)err_set(p->e, ERR_TLS, "%s", words);
	return code;
}

/* "the certificate of CN=x ..." as a refusal. */
static unsigned
refuse_one(struct path *p, const struct cert *c, const char *fault, unsigned code)
{
	struct text words;
	char buf[1024];

	text_fixed(&words, buf, sizeof(buf));
	text_puts(&words, "the certificate of ");
	names_words(c->subject, &words);
	text_printf(&words, " %s", fault);
	return refuse(p, buf, code);
}

static unsigned
refuse_date(struct path *p, const struct cert *c)
{
	time_t now = time(NULL);
	bool early = now < c->not_before;
	struct text words;
	char buf[256];

	text_fixed(&words, buf, sizeof(buf));
	text_puts(&words, early ? "is not valid before " : "expired ");
	names_date(early ? c->not_before : c->not_after, &words);
	text_puts(&words, "; this machine's clock says ");
	names_date(now, &words);
	return refuse_one(p, c, buf, BR_ERR_X509_EXPIRED);
}

static unsigned
refuse_critical(struct path *p, const struct cert *c)
{
	struct text words;
	char buf[256];

	text_fixed(&words, buf, sizeof(buf));
	text_puts(&words, "has a critical extension that BearSSL doesn't know: ");
	if (c->critical.n == 3 && memcmp(c->critical.at, "\x55\x1d\x1e", 3) == 0)
		text_puts(&words, "name constraints");
	else if (c->critical.n == 3 && memcmp(c->critical.at, "\x55\x1d\x25", 3) == 0)
		text_puts(&words, "extended key usage");
	else
		names_oid(c->critical, &words);
	return refuse_one(p, c, buf, BR_ERR_X509_CRITICAL_EXTENSION);
}

/* What BearSSL leaves out, and what it would refuse without a name. place: 0 is the leaf's. */
static unsigned
check_one(struct path *p, size_t place)
{
	const struct cert *c = &p->certs[p->at[place]];
	const char *fault;
	struct text words;
	char buf[512];
	br_x509_pkey key;

	if (!is_in_date(c))
		return refuse_date(p, c);
	if (!cert_serves(c))
		return refuse_one(p, c, "is not for servers", BR_ERR_X509_FORBIDDEN_KEY_USAGE);
	if (c->critical.n > 0)
		return refuse_critical(p, c);
	fault = trust_key(c->key, &key);
	if (fault != NULL)
		return refuse_one(p, c, fault, BR_ERR_X509_WEAK_PUBLIC_KEY);
	fault = cert_signature_fault(c);
	if (fault != NULL) {
		text_fixed(&words, buf, sizeof(buf));
		text_printf(&words, "is %s, by ", fault);
		names_words(c->issuer, &words);
		return refuse_one(p, c, buf, BR_ERR_X509_UNSUPPORTED);
	}
	if (place == 0)
		return 0;
	if (!c->is_ca || !c->signs || c->is_version_1)
		return refuse_one(p, c, "may not issue any other", BR_ERR_X509_NOT_CA);
	if (c->below >= 0 && (size_t)c->below < place - 1)
		return refuse_one(p, c,
			"may not issue one that issues (its path length is exceeded)",
			BR_ERR_X509_NOT_CA);
	if (!names_permit(c, p->host))
		return refuse_one(p, c, "may not issue for this host (its name constraints)",
			BR_ERR_X509_BAD_SERVER_NAME);
	return 0;
}

/* BearSSL's verdict in words. */
static unsigned
name_verdict(struct path *p, unsigned code)
{
	const struct cert *leaf = &p->certs[0], *last = &p->certs[p->at[p->len - 1]];
	struct text words;
	char buf[1024];

	text_fixed(&words, buf, sizeof(buf));
	if (code == BR_ERR_X509_NOT_TRUSTED || code == BR_ERR_X509_BAD_SIGNATURE ||
		code == BR_ERR_X509_DN_MISMATCH) {
		text_puts(&words, "a signature in its certificate chain is wrong: ");
		names_words(leaf->subject, &words);
		if (last != leaf) {
			text_puts(&words, " is issued in the name of ");
			names_words(leaf->issuer, &words);
		}
		text_puts(&words,
			last != leaf ? ", that in the name of " : " is issued in the name of ");
		names_words(last->issuer, &words);
		text_puts(&words, ", and not all of their keys have signed");
	} else if (code == BR_ERR_X509_FORBIDDEN_KEY_USAGE)
		text_puts(&words, "its certificate's key is not for this use");
	else
		text_printf(
			&words, "its certificate chain can't be decoded (BearSSL error %u)", code);
	return refuse(p, buf, code);
}

static unsigned
verify(struct path *p)
{
	const br_x509_class **minimal = &p->minimal->vtable;
	size_t i;

	br_x509_minimal_init(p->minimal, &br_sha256_vtable, p->trust->roots, p->trust->n);
	br_x509_minimal_set_hash(p->minimal, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(p->minimal, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(p->minimal, br_sha512_ID, &br_sha512_vtable);
	br_x509_minimal_set_rsa(p->minimal, br_rsa_pkcs1_vrfy_get_default());
	br_x509_minimal_set_ecdsa(
		p->minimal, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
	br_x509_minimal_set_minrsa(p->minimal, RSA_BYTES_MIN);
	/* No name for BearSSL: it was matched already, addresses too. */
	(*minimal)->start_chain(minimal, NULL);
	for (i = 0; i < p->len; i++) {
		const struct cert_bytes *der = &p->ders[p->at[i]];

		(*minimal)->start_cert(minimal, (uint32_t)der->n);
		(*minimal)->append(minimal, der->at, der->n);
		(*minimal)->end_cert(minimal);
	}
	return (*minimal)->end_chain(minimal);
}

/* The way so far, which ends at a root's name. True where it holds. */
static bool
try_way(struct path *p)
{
	unsigned code = 0;
	size_t i;

	if (p->tries == 0)
		return false;
	p->tries--;
	for (i = 0; code == 0 && i < p->len; i++)
		code = check_one(p, i);
	if (code == 0) {
		code = verify(p);
		if (code != 0)
			code = name_verdict(p, code);
	}
	return code == 0;
}

static bool
is_on_way(const struct path *p, size_t number)
{
	size_t i;

	for (i = 0; i < p->len; i++) {
		if (p->at[i] == number)
			return true;
	}
	return false;
}

/* Goes on from the last certificate of the way. True where a way was found that holds. */
static bool
go_on(struct path *p, bool in_date)
{
	const struct cert *last = &p->certs[p->at[p->len - 1]];
	size_t i;

	if (p->steps == 0)
		return false;
	p->steps--;
	if (trust_has(p->trust, last->issuer, true) && try_way(p))
		return true;
	for (i = 1; i < p->n; i++) {
		if (is_on_way(p, i) || !cert_same_bytes(p->certs[i].subject, last->issuer) ||
			(in_date && !is_in_date(&p->certs[i])))
			continue;
		p->at[p->len++] = i;
		if (go_on(p, in_date))
			return true;
		p->len--;
	}
	return false;
}

/* No root has a name that any way leads to. */
static unsigned
refuse_untrusted(struct path *p)
{
	const struct cert *leaf = &p->certs[0], *last = leaf;
	const struct trust *t = p->trust;
	struct text words;
	char buf[1024];
	size_t i;

	/* The first issuers that are there, for the words. */
	for (p->len = 1, i = 1; i < p->n; i++) {
		if (!is_on_way(p, i) && cert_same_bytes(p->certs[i].subject, last->issuer)) {
			p->at[p->len++] = i;
			last = &p->certs[i];
			i = 0;
		}
	}
	for (i = 0; i < p->len; i++) {
		if (!is_in_date(&p->certs[p->at[i]]))
			return refuse_date(p, &p->certs[p->at[i]]);
	}
	text_fixed(&words, buf, sizeof(buf));
	text_puts(&words, "its certificate leads to no trusted root: ");
	names_words(leaf->subject, &words);
	text_puts(&words, ", issued by ");
	names_words(leaf->issuer, &words);
	if (!cert_same_bytes(last->issuer, leaf->issuer)) {
		text_puts(&words, ", its chain's last by ");
		names_words(last->issuer, &words);
	}
	if (t->unfit.n > 0) {
		text_puts(&words, "; the root ");
		names_words(t->unfit, &words);
		text_printf(&words, " %s", t->fault != NULL ? t->fault : "expired ");
	}
	if (t->unfit.n > 0 && t->fault == NULL) {
		names_date(t->expired, &words);
		text_puts(&words, ", and this machine's clock says ");
		names_date(time(NULL), &words);
	}
	text_printf(&words, " (roots: %s)", t->where);
	return refuse(p, buf, BR_ERR_X509_NOT_TRUSTED);
}

unsigned
path_find(struct path *p)
{
	bool in_date = true;

	p->tries = TRIES_MAX;
	p->code = 0;
	p->at[0] = 0;
	p->len = 1;
	/* The very certificate may be trusted, whoever has issued it. */
	if (trust_has(p->trust, p->certs[0].subject, false) && try_way(p))
		return 0;
	for (;;) {
		p->at[0] = 0;
		p->len = 1;
		p->steps = STEPS_MAX;
		if (go_on(p, in_date)) {
			err_clear(p->e); /* of the ways that didn't hold */
			return 0;
		}
		if (!in_date)
			break;
		in_date = false;
	}
	return p->code != 0 ? p->code : refuse_untrusted(p);
}
