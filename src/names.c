/* SPDX-License-Identifier: ISC */
/* names.c: the names in certificates: whom they stand for, and how they are shown. */
#include "names.h"

#include <arpa/inet.h>
#include <string.h>

#define NAMES_SHOWN 10
#define NAME_SHOWN  100

/* A host as certificates write it: an address's bytes, or a name without its last dot. */
struct host {
	char name[256];
	size_t len;
	unsigned char address[16];
	size_t address_len; /* 0: it is a name */
};

static bool
read_host(const char *host, struct host *h)
{
	size_t len = strlen(host);

	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len == 0 || len >= sizeof(h->name))
		return false;
	memcpy(h->name, host, len);
	h->name[len] = '\0';
	h->len = len;
	h->address_len = 0;
	if (inet_pton(AF_INET, h->name, h->address) == 1)
		h->address_len = 4;
	else if (inet_pton(AF_INET6, h->name, h->address) == 1)
		h->address_len = 16;
	return true;
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
names_have(const struct cert *c, const char *host)
{
	struct cert_bytes names = c->alt_names, name;
	struct host h;
	unsigned tag;

	if (!read_host(host, &h))
		return false;
	while ((tag = cert_next(&names, &name, NULL)) != 0) {
		if (h.address_len > 0 && tag == CERT_IP_ADDRESS && name.n == h.address_len &&
			memcmp(name.at, h.address, h.address_len) == 0)
			return true;
		if (h.address_len == 0 && tag == CERT_DNS_NAME && name_matches(name, h.name, h.len))
			return true;
	}
	return false;
}

/* RFC 5280 4.2.1.10: a dNSName and all below it, or an address under a mask. */
static bool
is_within(const struct host *h, unsigned tag, struct cert_bytes base)
{
	const char *name = (const char *)base.at, *end;
	size_t i, n = base.n;

	if (tag == CERT_IP_ADDRESS && h->address_len > 0 && n == 2 * h->address_len) {
		for (i = 0; i < h->address_len; i++) {
			if (((h->address[i] ^ base.at[i]) & base.at[h->address_len + i]) != 0)
				return false;
		}
		return true;
	}
	if (tag != CERT_DNS_NAME || h->address_len > 0)
		return false;
	if (n > 0 && name[0] == '.') {
		name++;
		n--;
	}
	if (n > h->len)
		return false;
	end = h->name + h->len - n;
	return n == 0 || (text_same_n(name, n, end) && (n == h->len || end[-1] == '.'));
}

/* *of_kind: the list says something of names, or of addresses, where host is one. */
static bool
is_in_list(const struct host *h, struct cert_bytes list, bool *of_kind)
{
	struct cert_bytes tree, base;
	unsigned tag, kind = h->address_len > 0 ? CERT_IP_ADDRESS : CERT_DNS_NAME;
	bool found = false;

	*of_kind = false;
	while (cert_next(&list, &tree, NULL) == CERT_SEQUENCE) {
		tag = cert_next(&tree, &base, NULL);
		*of_kind = *of_kind || tag == kind;
		found = found || is_within(h, tag, base);
	}
	return found;
}

bool
names_permit(const struct cert *issuer, const char *host)
{
	struct cert_bytes limits = issuer->limits, list;
	struct host h;
	bool of_kind, found;
	unsigned tag;

	if (!read_host(host, &h))
		return false;
	while ((tag = cert_next(&limits, &list, NULL)) != 0) {
		found = is_in_list(&h, list, &of_kind);
		if ((tag == CERT_EXCLUDED && found) || (tag == CERT_PERMITTED && of_kind && !found))
			return false;
	}
	return true;
}

static void
one_name(unsigned tag, struct cert_bytes name, struct text *out)
{
	if (tag == CERT_IP_ADDRESS && (name.n == 4 || name.n == 16))
		text_address(out, name.at, name.n);
	else if (tag == CERT_IP_ADDRESS)
		text_printf(out, "an address of %zu bytes", name.n);
	else if (name.n == 0)
		text_puts(out, "\"\"");
	else if (text_is_digit((char)name.at[name.n - 1])) {
		/* It looks like an address and is none. */
		text_puts(out, "the name ");
		text_masked(out, (const char *)name.at, name.n < NAME_SHOWN ? name.n : NAME_SHOWN);
	} else
		text_masked(out, (const char *)name.at, name.n < NAME_SHOWN ? name.n : NAME_SHOWN);
}

void
names_list(const struct cert *c, struct text *out)
{
	struct cert_bytes names = c->alt_names, name;
	size_t count = 0;
	unsigned tag;

	while ((tag = cert_next(&names, &name, NULL)) != 0) {
		if ((tag != CERT_DNS_NAME && tag != CERT_IP_ADDRESS) || count++ >= NAMES_SHOWN)
			continue;
		text_puts(out, count > 1 ? ", " : "");
		one_name(tag, name, out);
	}
	if (count > NAMES_SHOWN)
		text_printf(out, " and %zu more", count - NAMES_SHOWN);
	if (count == 0) {
		text_puts(out, "no name at all (");
		names_words(c->subject, out);
		text_puts(out, " doesn't count)");
	}
}

/* One value of a Name; of UTF-16 its low bytes, as far as they are ASCII. */
static void
value_words(unsigned tag, struct cert_bytes value, struct text *out)
{
	const unsigned char *at = value.at,
			    *end = at + (value.n < NAME_SHOWN ? value.n : NAME_SHOWN);

	if (tag != CERT_BMP_TEXT) {
		text_masked(out, (const char *)at, (size_t)(end - at));
		return;
	}
	for (; end - at >= 2; at += 2)
		text_char(out, at[0] == 0 && at[1] > 31 && at[1] < 127 ? (char)at[1] : '?');
}

void
names_words(struct cert_bytes name, struct text *out)
{
	struct cert_bytes sets, set, pair, oid, value;
	bool first = true;
	const char *label;
	unsigned tag;

	if (cert_next(&name, &sets, NULL) != CERT_SEQUENCE)
		return;
	while (cert_next(&sets, &set, NULL) == CERT_SET &&
		cert_next(&set, &pair, NULL) == CERT_SEQUENCE) {
		if (cert_next(&pair, &oid, NULL) != CERT_OID)
			break;
		tag = cert_next(&pair, &value, NULL);
		if (tag == 0)
			break;
		if (oid.n != 3 || oid.at[0] != 0x55 || oid.at[1] != 4)
			continue;
		label = oid.at[2] == 3 ? "CN=" : oid.at[2] == 10 ? "O=" : NULL;
		if (label == NULL)
			continue;
		text_printf(out, "%s%s", first ? "" : ", ", label);
		value_words(tag, value, out);
		first = false;
	}
	if (first)
		text_puts(out, "(nameless)");
}

void
names_oid(struct cert_bytes oid, struct text *out)
{
	unsigned long long arc = 0;
	bool first = true;
	size_t i;

	for (i = 0; i < oid.n && i < 32; i++) {
		arc = arc << 7 | (oid.at[i] & 0x7f);
		if ((oid.at[i] & 0x80) != 0)
			continue;
		/* X.690 8.19.4: the first two arcs are one number. */
		if (first)
			text_printf(out, "%llu.%llu", arc < 80 ? arc / 40 : 2,
				arc < 80 ? arc % 40 : arc - 80);
		else
			text_printf(out, ".%llu", arc);
		first = false;
		arc = 0;
	}
}

void
names_date(time_t at, struct text *out)
{
	struct tm utc;

	if (gmtime_r(&at, &utc) != NULL)
		text_printf(out, "%04d-%02d-%02d %02d:%02d UTC", utc.tm_year + 1900, utc.tm_mon + 1,
			utc.tm_mday, utc.tm_hour, utc.tm_min);
}
