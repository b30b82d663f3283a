/* SPDX-License-Identifier: ISC */
/* cert.c: a look into an X.509 certificate's DER. Verifies no signature: BearSSL does that. */
#include "cert.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

static const unsigned char oid_alt_name[] = {0x55, 0x1d, 0x11};
static const unsigned char oid_constraints[] = {0x55, 0x1d, 0x13};
static const unsigned char oid_purposes[] = {0x55, 0x1d, 0x25};
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

/* One Extension: its OID decides whether we keep its value. */
static bool
read_extension(struct cert *c, struct cert_bytes ext)
{
	struct cert_bytes oid, value;
	unsigned tag;

	if (cert_next(&ext, &oid, NULL) != CERT_OID)
		return false;
	tag = cert_next(&ext, &value, NULL);
	if (tag == CERT_BOOLEAN)
		tag = cert_next(&ext, &value, NULL);
	if (tag != CERT_OCTETS)
		return false;
	if (is_oid(oid, oid_alt_name, sizeof(oid_alt_name)))
		return cert_next(&value, &c->alt_names, NULL) == CERT_SEQUENCE;
	if (is_oid(oid, oid_constraints, sizeof(oid_constraints))) {
		if (cert_next(&value, &ext, NULL) != CERT_SEQUENCE)
			return false;
		c->is_ca = cert_next(&ext, &value, NULL) == CERT_BOOLEAN && value.n == 1 &&
			   value.at[0] != 0;
		return true;
	}
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

bool
cert_parse(struct cert *c, const unsigned char *der, size_t n)
{
	struct cert_bytes in = {der, n}, outer, tbs, part;

	*c = (struct cert){.has_purposes = false};
	if (cert_next(&in, &outer, NULL) != CERT_SEQUENCE ||
		cert_next(&outer, &tbs, NULL) != CERT_SEQUENCE)
		return false;
	/* Version 1 has no extensions to say that it is a CA: as a root it must be one. */
	c->is_ca = tbs.n > 0 && tbs.at[0] != CERT_VERSION;
	if (!c->is_ca)
		(void)cert_next(&tbs, NULL, NULL);
	if (cert_next(&tbs, NULL, NULL) == 0 || cert_next(&tbs, NULL, NULL) != CERT_SEQUENCE)
		return false; /* serialNumber, signature */
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

/* A dNSName against a host name, both without a trailing dot. */
static bool
name_matches(struct cert_bytes name, const char *host, size_t host_len)
{
	const char *pattern = (const char *)name.at, *rest;
	size_t n = name.n, i;
	char host_part[256];

	if (n == 0 || memchr(pattern, '\0', n) != NULL)
		return false;
	if (n > 2 && pattern[0] == '*' && pattern[1] == '.') {
		rest = memchr(host, '.', host_len);
		/* At least two labels stay behind the star: "*.test" is nobody's. */
		if (rest == NULL || rest == host || memchr(pattern + 2, '.', n - 2) == NULL)
			return false;
		host_len -= (size_t)(rest + 1 - host);
		host = rest + 1;
		pattern += 2;
		n -= 2;
	}
	for (i = 0; i < n; i++) {
		if (pattern[i] == '*')
			return false;
	}
	if (host_len >= sizeof(host_part))
		return false;
	memcpy(host_part, host, host_len);
	host_part[host_len] = '\0';
	return text_same_n(pattern, n, host_part);
}

bool
cert_names_host(const struct cert *c, const char *host)
{
	struct cert_bytes names = c->alt_names, name;
	unsigned char address[16];
	char bare[256];
	size_t len = strlen(host), address_len = 0;
	unsigned tag;

	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(bare))
		return false;
	memcpy(bare, host, len);
	bare[len] = '\0';
	if (inet_pton(AF_INET, bare, address) == 1)
		address_len = 4;
	else if (inet_pton(AF_INET6, bare, address) == 1)
		address_len = 16;
	while ((tag = cert_next(&names, &name, NULL)) != 0) {
		if (address_len > 0 && tag == CERT_IP_ADDRESS && name.n == address_len &&
			memcmp(name.at, address, address_len) == 0)
			return true;
		if (address_len == 0 && tag == CERT_DNS_NAME && name_matches(name, bare, len))
			return true;
	}
	return false;
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

void
cert_names(const struct cert *c, struct text *out)
{
	struct cert_bytes names = c->alt_names, name;
	size_t count = 0;
	unsigned tag;

	while (count < 10 && (tag = cert_next(&names, &name, NULL)) != 0) {
		if (tag != CERT_DNS_NAME && tag != CERT_IP_ADDRESS)
			continue;
		if (count++ > 0)
			text_puts(out, ", ");
		if (tag == CERT_DNS_NAME)
			text_masked(out, (const char *)name.at, name.n < 100 ? name.n : 100);
		else
			text_address(out, name.at, name.n);
	}
	if (count == 0)
		text_puts(out, "no name at all");
}

void
cert_name_words(struct cert_bytes name, struct text *out)
{
	struct cert_bytes sets, set, pair, oid, value;
	bool first = true;
	const char *label;

	if (cert_next(&name, &sets, NULL) != CERT_SEQUENCE)
		return;
	while (cert_next(&sets, &set, NULL) == CERT_SET &&
		cert_next(&set, &pair, NULL) == CERT_SEQUENCE) {
		if (cert_next(&pair, &oid, NULL) != CERT_OID || cert_next(&pair, &value, NULL) == 0)
			return;
		if (oid.n != 3 || oid.at[0] != 0x55 || oid.at[1] != 4)
			continue;
		label = oid.at[2] == 3 ? "CN=" : oid.at[2] == 10 ? "O=" : NULL;
		if (label == NULL)
			continue;
		text_printf(out, "%s%s", first ? "" : ", ", label);
		text_masked(out, (const char *)value.at, value.n < 100 ? value.n : 100);
		first = false;
	}
	if (first)
		text_puts(out, "(nameless)");
}
