/* SPDX-License-Identifier: ISC */
/* words.c: encoded words say what the text said, and folding changes blanks alone (words.c, words_fold.c). */
#include "addr.h"
#include "fuzz.h"
#include "words.h"

#include <string.h>

#define TEXT_MAX 2048
#define OUT_MAX  (16 * TEXT_MAX)

static char buf[OUT_MAX], said[OUT_MAX], wanted[OUT_MAX];

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without its blanks. */
static size_t
squeeze(const char *s, size_t n, char *out)
{
	size_t i, len = 0;

	for (i = 0; i < n; i++) {
		if (!is_blank(s[i]))
			out[len++] = s[i];
	}
	return len;
}

/* RFC 2047 read back, blanks dropped. Each word stands alone: no character is cut in two. */
static size_t
decode(const char *s, size_t n, bool utf8, char *out)
{
	size_t i, end, len = 0;
	unsigned char bytes[64];
	long got;

	for (i = 0; i < n; i++) {
		if (n - i > 12 && memcmp(s + i, "=?UTF-8?B?", 10) == 0) {
			for (end = i + 10; end < n && s[end] != '?';)
				end++;
			must(end + 1 < n && s[end + 1] == '=' && end + 2 - i <= 75);
			got = text_unbase64(s + i + 10, end - i - 10, bytes, sizeof(bytes));
			must(got >= 0 && (!utf8 || words_utf8((char *)bytes, (size_t)got)));
			len += squeeze((char *)bytes, (size_t)got, out + len);
			i = end + 1;
		} else if (!is_blank(s[i]))
			out[len++] = s[i];
	}
	return len;
}

static void
check_same(const struct text *out, const char *s, size_t n)
{
	size_t len = decode(out->at, out->len, words_utf8(s, n), said);

	must(!out->cut && len == squeeze(s, n, wanted) && memcmp(said, wanted, len) == 0);
}

/* A name of any bytes before an address: one mailbox, that address. */
static void
check_phrase(struct text *out, const struct fuzz_input *in)
{
	static struct addr_box box;
	static struct err e;
	struct addr_list l;

	if (in->n == 0 || fuzz_has_control(in->at, in->n) || !words_utf8(in->at, in->n))
		return;
	words_phrase(out, in->at, in->n);
	text_puts(out, " <bob@mail.test>");
	must(!out->cut && !words_eight_bit(out->at, out->len));
	err_clear(&e);
	addr_open(&l, out->at, out->len, true);
	must(addr_next(&l, &box, &e) == 1 && strcmp(box.address, "bob@mail.test") == 0);
	must(addr_next(&l, &box, &e) == 0);
}

static void
check_lines(const char *s, size_t n)
{
	size_t i, start = 0;

	must(fuzz_is_smtp(s, n));
	for (i = 0; i < n; i++) {
		if (s[i] != '\n')
			continue;
		must(i + 1 == n || s[i + 1] == ' ' || s[i + 1] == '\t');
		must(squeeze(s + start, i - start, wanted) > 0);
		start = i + 1;
	}
}

/* The text as a field's body: line ends fold only, and no line is blank. */
static size_t
make_body(const struct fuzz_input *in, char *out)
{
	bool blank = false; /* the line so far; the first one has the field's name */
	size_t i, n = 0;

	for (i = 0; i < in->n; i++) {
		if (in->at[i] == '\0' || in->at[i] == '\r')
			continue;
		if (in->at[i] == '\n') {
			if (blank)
				out[n++] = 'x';
			memcpy(out + n, "\r\n ", 3);
			n += 3;
			blank = true;
		} else {
			out[n++] = in->at[i];
			blank = blank && is_blank(in->at[i]);
		}
	}
	if (blank)
		out[n++] = 'x';
	memcpy(out + n, "\r\n", 2);
	return n + 2;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char body[OUT_MAX];
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	struct text out;
	size_t n;

	if (in.n > TEXT_MAX)
		return 0;
	text_fixed(&out, buf, sizeof(buf));
	memcpy(body, "Subject:", 8);
	n = 8 + make_body(&in, body + 8);
	switch (option % 8) {
	case 0:
		words_encode(&out, in.at, in.n, option / 8 % 2 == 1);
		check_same(&out, in.at, in.n);
		break;
	case 1:
		if (!words_utf8(body, n))
			break;
		text_puts(&out, "Subject:");
		words_unstructured(&out, body + 8, n - 8);
		must(!words_eight_bit(out.at, out.len));
		if (!fuzz_holds(body, n, "=?"))
			check_same(&out, body, n);
		check_lines(out.at, out.len);
		break;
	case 2:
		words_structured(&out, body, n - 2); /* its caller adds the line end */
		text_puts(&out, "\r\n");
		must(!out.cut && fuzz_is_smtp(out.at, out.len));
		break;
	case 3:
		check_phrase(&out, &in);
		break;
	default:
		words_fold(&out, body, n, option / 8 % 2 == 1, option / 16 % 2 == 1);
		must(!out.cut && squeeze(out.at, out.len, said) == squeeze(body, n, wanted));
		must(memcmp(said, wanted, squeeze(body, n, wanted)) == 0);
		check_lines(out.at, out.len);
	}
	return 0;
}
