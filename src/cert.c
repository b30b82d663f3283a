/* SPDX-License-Identifier: ISC */
/* cert.c: a look into an X.509 certificate's DER. Verifies no signature: BearSSL does that. */
#include "cert.h"

#include <stdint.h>
#include <string.h>

static const unsigned char oid_alt_name[] = {0x55, 0x1d, 0x11};
static const unsigned char oid_constraints[] = {0x55, 0x1d, 0x13};
static const unsigned char oid_purposes[] = {0x55, 0x1d, 0x25};
static const unsigned char oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const unsigned char oid_policies[] = {0x55, 0x1d, 0x20};
static const unsigned char oid_limits[] = {0x55, 0x1d, 0x1e};
static const unsigned char oid_any_purpose[] = {0x55, 0x1d, 0x25, 0x00};
static const unsigned char oid_server_auth[] = {0x2b, 6, 1, 5, 5, 7, 3, 1};

unsigned
cert_next(struct cert_bytes *in, struct cert_bytes *inside, struct cert_bytes *whole)
{
	size_t head = 2, len, i, count;

	if (in->n < 2)
		return 0;
	len = in->at[1];
	if (len > 0x80) {
		count = len - 0x80;
		if (count > 3 || in->n < 2 + count)
			return 0;
		for (len = 0, i = 0; i < count; i++)
			len = len << 8 | in->at[2 + i];
		head += count;
	} else if (len == 0x80)
		return 0; /* indefinite: BER, not DER */
	if (len > in->n - head)
		return 0;
	if (inside != NULL)
		*inside = (struct cert_bytes){in->at + head, len};
	if (whole != NULL)
		*whole = (struct cert_bytes){in->at, head + len};
	i = in->at[0];
	in->at += head + len;
	in->n -= head + len;
	return (unsigned)i;
}

bool
cert_number(struct cert_bytes *in, unsigned char **at, size_t *n)
{
	struct cert_bytes value;

	if (cert_next(in, &value, NULL) != CERT_INTEGER)
		return false;
	while (value.n > 0 && value.at[0] == 0) {
		value.at++;
		value.n--;
	}
	*at = (unsigned char *)value.at;
	*n = value.n;
	return value.n > 0;
}

bool
cert_same_bytes(struct cert_bytes a, struct cert_bytes b)
{
	return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

static bool
is_oid(struct cert_bytes b, const unsigned char *oid, size_t n)
{
	return b.n == n && memcmp(b.at, oid, n) == 0;
}

static bool
two_digits(const unsigned char *p, int *value)
{
	if (!text_is_digit((char)p[0]) || !text_is_digit((char)p[1]))
		return false;
	*value = (p[0] - '0') * 10 + (p[1] - '0');
	return true;
}

/* Days since 1970-01-01 of a civil date, by counting years from March (no tables, no libc). */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* RFC 5280 4.1.2.5: YYMMDDHHMMSSZ until 2049, YYYYMMDDHHMMSSZ from then on. */
static bool
read_time(unsigned tag, struct cert_bytes b, time_t *out)
{
	int century = 20, part[6], i;
	const unsigned char *p = b.at;

	if (tag == CERT_TIME && b.n == 15) {
		if (!two_digits(p, &century))
			return false;
		p += 2;
	} else if (tag != CERT_UTC_TIME || b.n != 13)
		return false;
	for (i = 0; i < 6; i++) {
		if (!two_digits(p + 2 * i, &part[i]))
			return false;
	}
	if (tag == CERT_UTC_TIME && part[0] >= 50)
		century = 19;
	*out = (time_t)(days_of(century * 100 + part[0], part[1], part[2]) * 86400 +
			part[3] * 3600 + part[4] * 60 + part[5]);
	return true;
}

static bool
read_validity(struct cert *c, struct cert_bytes validity)
{
	struct cert_bytes from, to;
	unsigned from_tag = cert_next(&validity, &from, NULL),
		 to_tag = cert_next(&validity, &to, NULL);

	return read_time(from_tag, from, &c->not_before) && read_time(to_tag, to, &c->not_after);
}

/* RFC 5280 4.2.1.9 */
static bool
read_constraints(struct cert *c, struct cert_bytes value)
{
	struct cert_bytes list, item;
	unsigned tag;

	if (cert_next(&value, &list, NULL) != CERT_SEQUENCE)
		return false;
	tag = cert_next(&list, &item, NULL);
	c->is_ca = tag == CERT_BOOLEAN && item.n == 1 && item.at[0] != 0;
	if (tag == CERT_BOOLEAN)
		tag = cert_next(&list, &item, NULL);
	if (tag == CERT_INTEGER)
		c->below = item.n == 1 && item.at[0] < 0x80 ? item.at[0] : 0;
	return true;
}

/* RFC 5280 4.2.1.3: keyCertSign is bit 5. */
static bool
read_key_usage(struct cert *c, struct cert_bytes value)
{
	struct cert_bytes bits;

	if (cert_next(&value, &bits, NULL) != CERT_BITS || bits.n < 1)
		return false;
	c->signs = bits.n > 1 && (bits.at[1] & 0x04) != 0;
	return true;
}

/* One Extension: its OID decides whether we keep its value. What stands twice is no certificate. */
static bool
read_extension(struct cert *c, struct cert_bytes ext)
{
	struct cert_bytes oid, value;
	bool critical = false;
	unsigned tag;

	if (cert_next(&ext, &oid, NULL) != CERT_OID)
		return false;
	tag = cert_next(&ext, &value, NULL);
	if (tag == CERT_BOOLEAN) {
		critical = value.n == 1 && value.at[0] != 0;
		tag = cert_next(&ext, &value, NULL);
	}
	if (tag != CERT_OCTETS)
		return false;
	if (is_oid(oid, oid_alt_name, sizeof(oid_alt_name)))
		return c->alt_names.at == NULL &&
		       cert_next(&value, &c->alt_names, NULL) == CERT_SEQUENCE;
	if (is_oid(oid, oid_constraints, sizeof(oid_constraints)))
		return read_constraints(c, value);
	if (is_oid(oid, oid_key_usage, sizeof(oid_key_usage)))
		return read_key_usage(c, value);
	if (critical && !is_oid(oid, oid_policies, sizeof(oid_policies)))
		c->critical = oid;
	if (is_oid(oid, oid_limits, sizeof(oid_limits)))
		return cert_next(&value, &c->limits, NULL) == CERT_SEQUENCE;
	if (is_oid(oid, oid_purposes, sizeof(oid_purposes))) {
		c->has_purposes = true;
		return cert_next(&value, &c->purposes, NULL) == CERT_SEQUENCE;
	}
	return true;
}

static bool
read_extensions(struct cert *c, struct cert_bytes tbs)
{
	struct cert_bytes part, list, ext;
	unsigned tag;

	while ((tag = cert_next(&tbs, &part, NULL)) != 0) {
		if (tag != CERT_EXTENSIONS)
			continue;
		if (cert_next(&part, &list, NULL) != CERT_SEQUENCE)
			return false;
		while (list.n > 0) {
			if (cert_next(&list, &ext, NULL) != CERT_SEQUENCE ||
				!read_extension(c, ext))
				return false;
		}
	}
	return tbs.n == 0;
}

/* RFC 5280 4.1.1.2: both AlgorithmIdentifiers say the same. */
static bool
read_signature(struct cert *c, struct cert_bytes inner, struct cert_bytes rest)
{
	struct cert_bytes outer, algorithm, in = inner;

	return cert_next(&rest, NULL, &outer) == CERT_SEQUENCE && cert_same_bytes(inner, outer) &&
	       cert_next(&in, &algorithm, NULL) == CERT_SEQUENCE &&
	       cert_next(&algorithm, &c->signature, NULL) == CERT_OID;
}

bool
cert_parse(struct cert *c, const unsigned char *der, size_t n)
{
	struct cert_bytes in = {der, n}, outer, tbs, part;

	*c = (struct cert){.signs = true, .below = -1};
	if (cert_next(&in, &outer, NULL) != CERT_SEQUENCE ||
		cert_next(&outer, &tbs, NULL) != CERT_SEQUENCE)
		return false;
	/* Version 1 has no extensions to say that it is a CA: as a root it must be one. */
	c->is_version_1 = tbs.n > 0 && tbs.at[0] != CERT_VERSION;
	c->is_ca = c->is_version_1;
	if (!c->is_version_1)
		(void)cert_next(&tbs, NULL, NULL);
	if (cert_next(&tbs, NULL, NULL) == 0 || cert_next(&tbs, NULL, &part) != CERT_SEQUENCE ||
		!read_signature(c, part, outer))
		return false;
	if (cert_next(&tbs, NULL, &c->issuer) != CERT_SEQUENCE ||
		cert_next(&tbs, &part, NULL) != CERT_SEQUENCE || !read_validity(c, part))
		return false;
	if (cert_next(&tbs, NULL, &c->subject) != CERT_SEQUENCE ||
		cert_next(&tbs, NULL, &c->key) != CERT_SEQUENCE)
		return false;
	return read_extensions(c, tbs);
}

/* Steps over an element's identifier and length, whether or not its contents are all there. */
static bool
enter(struct cert_bytes *in, unsigned tag)
{
	size_t head = 2;

	if (in->n < 2 || in->at[0] != tag)
		return false;
	if (in->at[1] > 0x80)
		head += in->at[1] - 0x80U;
	if (head > 5 || head > in->n)
		return false;
	in->at += head;
	in->n -= head;
	return true;
}

bool
cert_peek_subject(const unsigned char *der, size_t n, struct cert_bytes *subject)
{
	struct cert_bytes in = {der, n};
	size_t i, before = 4; /* serialNumber, signature, issuer, validity */

	if (!enter(&in, CERT_SEQUENCE) || !enter(&in, CERT_SEQUENCE))
		return false;
	before += in.n > 0 && in.at[0] == CERT_VERSION;
	for (i = 0; i < before; i++) {
		if (cert_next(&in, NULL, NULL) == 0)
			return false;
	}
	return cert_next(&in, NULL, subject) == CERT_SEQUENCE;
}

bool
cert_serves(const struct cert *c)
{
	struct cert_bytes purposes = c->purposes, oid;

	if (!c->has_purposes)
		return true;
	while (cert_next(&purposes, &oid, NULL) == CERT_OID) {
		if (is_oid(oid, oid_server_auth, sizeof(oid_server_auth)) ||
			is_oid(oid, oid_any_purpose, sizeof(oid_any_purpose)))
			return true;
	}
	return false;
}

const char *
cert_signature_fault(const struct cert *c)
{
	/* RFC 8017 C, RFC 5758, RFC 8410: by their DER. */
	static const struct {
		unsigned char n, oid[9];
		const char *words; /* NULL: fine */
	} rows[] = {
		{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11}, NULL               },
		{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12}, NULL               },
		{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13}, NULL               },
		{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2},        NULL               },
		{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3},        NULL               },
		{8, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4},        NULL               },
		{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5},  "signed with SHA-1"},
		{7, {0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1},           "signed with SHA-1"},
		{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4},  "signed with MD5"  },
		{9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10},
                 "signed with RSA-PSS, which "
			"BearSSL doesn't know"                                         },
		{3, {0x2b, 0x65, 0x70},
                 "signed with Ed25519, which "
			"BearSSL doesn't know"                                         },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (is_oid(c->signature, rows[i].oid, rows[i].n))
			return rows[i].words;
	}
	return "signed in a way that isn't known here";
}
