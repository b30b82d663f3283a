/* SPDX-License-Identifier: ISC */
/* cert.c: a look into DER, and the names in it (cert.c, names.c). */
#include "cert.h"
#include "fuzz.h"
#include "names.h"

#include <string.h>

#define DER_MAX 4096

static char words[8192];

static void
check_span(struct cert_bytes span, const unsigned char *der, size_t n)
{
	must(span.n == 0 || (span.at >= der && span.n <= n && span.at + span.n <= der + n));
}

static void
check_words(struct text *out)
{
	must(!out->cut && strlen(out->at) == out->len && !fuzz_has_control(out->at, out->len));
	text_fixed(out, words, sizeof(words));
}

/* The walk over all elements, to any depth: what is inside one is inside the other. */
static void
walk(struct cert_bytes in, unsigned depth)
{
	struct cert_bytes inside, whole, before = in;

	while (depth > 0 && cert_next(&in, &inside, &whole) != 0) {
		must(whole.at == before.at && inside.at + inside.n == whole.at + whole.n);
		must(inside.at > whole.at && in.at == whole.at + whole.n && whole.n <= before.n);
		must(in.n == before.n - whole.n);
		before = in;
		walk(inside, depth - 1);
	}
}

static void
check_cert(const struct cert *c, const unsigned char *der, size_t n)
{
	static const char *const hosts[] = {
		"mail.example.com", "[192.0.2.1]", "2001:db8::1", "localhost.", "[x"};
	struct cert_bytes subject;
	struct text out;
	size_t i;

	check_span(c->issuer, der, n);
	check_span(c->subject, der, n);
	check_span(c->key, der, n);
	check_span(c->alt_names, der, n);
	check_span(c->purposes, der, n);
	check_span(c->limits, der, n);
	check_span(c->critical, der, n);
	check_span(c->signature, der, n);
	must(c->below >= -1 && c->below < 128);
	must(cert_peek_subject(der, n, &subject) && cert_same_bytes(subject, c->subject));
	(void)cert_serves(c);
	(void)cert_signature_fault(c);
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		(void)names_permit(c, hosts[i]);
	if (names_have(c, hosts[0]))
		must(fuzz_holds((const char *)der, n, "\x82\x10mail.example.com") ||
			fuzz_holds((const char *)der, n, "\x82\x0d*.example.com"));
	if (names_have(c, hosts[1]))
		must(memmem(der, n, "\x87\x04\xc0\x00\x02\x01", 6) != NULL);
	if (names_have(c, hosts[3]))
		must(fuzz_holds((const char *)der, n, "\x82\x09localhost"));
	must(!names_have(c, "") && !names_have(c, ".") && !names_have(c, ".example.com"));
	text_fixed(&out, words, sizeof(words));
	names_list(c, &out);
	check_words(&out);
	names_words(c->issuer, &out);
	check_words(&out);
	names_date(c->not_after, &out);
	check_words(&out);
	names_oid(c->critical, &out);
	check_words(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert_bytes subject, all = {data, size};
	struct text out;
	struct cert c;

	if (size > DER_MAX)
		return 0;
	walk(all, 8);
	if (cert_peek_subject(data, size, &subject))
		check_span(subject, data, size);
	if (cert_peek_subject(data, size / 2, &subject))
		check_span(subject, data, size / 2);
	if (cert_parse(&c, data, size))
		check_cert(&c, data, size);
	text_fixed(&out, words, sizeof(words));
	names_oid(all, &out);
	names_words(all, &out);
	must(strlen(out.at) == out.len && !fuzz_has_control(out.at, out.len));
	return 0;
}
