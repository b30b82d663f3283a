/* SPDX-License-Identifier: ISC */
/* text.c: bounded text, base64, ASCII classes, UTF-8. Knows no locale and does no I/O. */
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void
text_fixed(struct text *t, char *buf, size_t size)
{
	*t = (struct text){.at = buf, .size = size};
	buf[0] = '\0';
}

void
text_heap(struct text *t, size_t max)
{
	*t = (struct text){.max = max};
}

void
text_free(struct text *t)
{
	if (t->max != 0)
		free(t->at);
	*t = (struct text){0};
}

/* Room for n more bytes and the NUL; true where there is. */
static bool
grow(struct text *t, size_t n)
{
	size_t want;
	char *at;

	if (n < t->size - t->len)
		return true;
	if (t->max == 0 || n >= t->max - t->len)
		return false;
	want = t->size < 256 ? 256 : t->size;
	while (want - t->len <= n)
		want = want > t->max / 2 ? t->max : want * 2;
	at = malloc(want);
	if (at == NULL)
		return false;
	/* It may hold a secret, of which realloc would leave a copy behind. */
	at[0] = '\0';
	if (t->at != NULL) {
		memcpy(at, t->at, t->len + 1);
		text_wipe(t->at, t->size);
		free(t->at);
	}
	t->at = at;
	t->size = want;
	return true;
}

void
text_reserve(struct text *t, size_t n)
{
	(void)grow(t, n);
}

void
text_add(struct text *t, const char *s, size_t n)
{
	/* Nothing added is a text, too: "", not NULL. */
	if (t->cut || (n == 0 && t->at != NULL))
		return;
	if (!grow(t, n)) {
		t->cut = true;
		if (t->size == 0)
			return;
		n = t->size - t->len - 1;
	}
	memcpy(t->at + t->len, s, n);
	t->len += n;
	t->at[t->len] = '\0';
}

void
text_char(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void
text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

/* What stands between % and its letter. */
struct conversion {
	size_t width;
	size_t precision; /* SIZE_MAX: none */
	unsigned longs;   /* l, ll: 1, 2; z: 1 */
	bool zeros;
};

static const char *
read_conversion(const char *fmt, struct conversion *c, int star)
{
	*c = (struct conversion){.precision = SIZE_MAX};
	c->zeros = *fmt == '0';
	for (; text_is_digit(*fmt); fmt++)
		c->width = c->width * 10 + (size_t)(*fmt - '0');
	if (*fmt == '.') {
		c->precision = 0;
		if (*++fmt == '*') {
			c->precision = star > 0 ? (size_t)star : 0;
			fmt++;
		}
		for (; text_is_digit(*fmt); fmt++)
			c->precision = c->precision * 10 + (size_t)(*fmt - '0');
	}
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		c->longs++;
	return fmt;
}

static void
add_number(struct text *t, unsigned long long value, unsigned base, bool minus,
	const struct conversion *c)
{
	static const char digits[] = "0123456789abcdef";
	char buf[32];
	size_t at = sizeof(buf);

	do
		buf[--at] = digits[value % base];
	while ((value /= base) > 0);
	while (sizeof(buf) - at < c->width && at > 1)
		buf[--at] = c->zeros ? '0' : ' ';
	if (minus)
		buf[--at] = '-';
	text_add(t, buf + at, sizeof(buf) - at);
}

static void
add_signed(struct text *t, long long value, const struct conversion *c)
{
	unsigned long long size = (unsigned long long)value;

	add_number(t, value < 0 ? 0 - size : size, 10, value < 0, c);
}

void
text_vprintf(struct text *t, const char *fmt, va_list ap)
{
	struct conversion c;
	const char *s;
	size_t n;

	for (;;) {
		n = strcspn(fmt, "%");
		text_add(t, fmt, n);
		fmt += n;
		if (*fmt == '\0')
			return;
		/* Only %.*s has a star, and it is its first argument. */
		fmt = read_conversion(
			fmt + 1, &c, strncmp(fmt, "%.*", 3) == 0 ? va_arg(ap, int) : 0);
		switch (*fmt++) {
		case 's':
			s = va_arg(ap, const char *);
			text_add(t, s, strnlen(s, c.precision));
			break;
		case 'c':
			text_char(t, (char)va_arg(ap, int));
			break;
		case 'd':
			add_signed(t,
				c.longs == 2   ? va_arg(ap, long long)
				: c.longs == 1 ? va_arg(ap, long)
					       : va_arg(ap, int),
				&c);
			break;
		case 'u':
			add_number(t,
				c.longs == 2   ? va_arg(ap, unsigned long long)
				: c.longs == 1 ? va_arg(ap, unsigned long)
					       : va_arg(ap, unsigned),
				10, false, &c);
			break;
		case 'x':
			add_number(t, va_arg(ap, unsigned), 16, false, &c);
			break;
		case '%':
			text_char(t, '%');
			break;
		default:
			return; /* what comes next on the stack can't be known any more */
		}
	}
}

void
text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

bool
text_format(char *buf, size_t size, const char *fmt, ...)
{
	struct text t;
	va_list ap;

	text_fixed(&t, buf, size);
	va_start(ap, fmt);
	text_vprintf(&t, fmt, ap);
	va_end(ap);
	return !t.cut;
}

void
text_mask(struct text *t, size_t from)
{
	for (; from < t->len; from++) {
		if (text_is_control(t->at[from]))
			t->at[from] = '?';
	}
}

/* RFC 5952: the longest run of zero groups, if it has two at least, becomes "::". */
static void
add_v6(struct text *t, const unsigned char *a)
{
	size_t best = 8, best_n = 1, i, n;

	for (i = 0; i<8; i += n> 0 ? n : 1) {
		for (n = 0; i + n < 8 && a[2 * (i + n)] == 0 && a[2 * (i + n) + 1] == 0; n++)
			;
		if (n > best_n) {
			best = i;
			best_n = n;
		}
	}
	for (i = 0; i < 8; i++) {
		if (i == best) {
			text_puts(t, "::");
			i += best_n - 1;
			continue;
		}
		text_printf(t, "%s%x", i > 0 && i != best + best_n ? ":" : "",
			(unsigned)a[2 * i] << 8 | a[2 * i + 1]);
	}
}

void
text_address(struct text *t, const unsigned char *a, size_t n)
{
	if (n == 4)
		text_printf(t, "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
	else if (n == 16)
		add_v6(t, a);
}

/* A character of UTF-8 that does something to a line, as far as it isn't ASCII. */
static bool
moves_text(const unsigned char *p, size_t len)
{
	/* C1, which some terminals obey, too. */
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	/* U+2028 to 202E, U+2066 to 2069: line ends, and what turns the writing round. */
	return len == 3 && p[0] == 0xe2 &&
	       ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
		       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

void
text_masked(struct text *t, const char *s, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i += len) {
		len = text_utf8(s + i, n - i);
		/* C0, DEL, what is no UTF-8, what moves it. */
		if (len == 0 || text_is_control(s[i]) ||
			moves_text((const unsigned char *)s + i, len)) {
			len = len == 0 ? 1 : len;
			text_char(t, '?');
			continue;
		}
		text_add(t, s + i, len);
	}
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
text_base64(struct text *t, const void *data, size_t n)
{
	const unsigned char *p = data;
	char four[4];
	unsigned v;

	for (; n > 0; p += 3, n -= n < 3 ? n : 3) {
		v = (unsigned)p[0] << 16;
		v |= n > 1 ? (unsigned)p[1] << 8 : 0;
		v |= n > 2 ? (unsigned)p[2] : 0;
		four[0] = base64[v >> 18];
		four[1] = base64[v >> 12 & 63];
		four[2] = n > 1 ? base64[v >> 6 & 63] : '=';
		four[3] = n > 2 ? base64[v & 63] : '=';
		text_add(t, four, 4);
	}
	text_wipe(four, sizeof(four));
}

/* What a digit is worth, and one more: 0 is none. */
static const unsigned char base64_values[256] = {
	['+'] = 63,
	['/'] = 64,
	['A'] = 1,
	['B'] = 2,
	['C'] = 3,
	['D'] = 4,
	['E'] = 5,
	['F'] = 6,
	['G'] = 7,
	['H'] = 8,
	['I'] = 9,
	['J'] = 10,
	['K'] = 11,
	['L'] = 12,
	['M'] = 13,
	['N'] = 14,
	['O'] = 15,
	['P'] = 16,
	['Q'] = 17,
	['R'] = 18,
	['S'] = 19,
	['T'] = 20,
	['U'] = 21,
	['V'] = 22,
	['W'] = 23,
	['X'] = 24,
	['Y'] = 25,
	['Z'] = 26,
	['a'] = 27,
	['b'] = 28,
	['c'] = 29,
	['d'] = 30,
	['e'] = 31,
	['f'] = 32,
	['g'] = 33,
	['h'] = 34,
	['i'] = 35,
	['j'] = 36,
	['k'] = 37,
	['l'] = 38,
	['m'] = 39,
	['n'] = 40,
	['o'] = 41,
	['p'] = 42,
	['q'] = 43,
	['r'] = 44,
	['s'] = 45,
	['t'] = 46,
	['u'] = 47,
	['v'] = 48,
	['w'] = 49,
	['x'] = 50,
	['y'] = 51,
	['z'] = 52,
	['0'] = 53,
	['1'] = 54,
	['2'] = 55,
	['3'] = 56,
	['4'] = 57,
	['5'] = 58,
	['6'] = 59,
	['7'] = 60,
	['8'] = 61,
	['9'] = 62,
};

/* Groups of four digits into three bytes each; returns how many there were before anything else. */
static size_t
unbase64_groups(const unsigned char *s, size_t groups, unsigned char *out)
{
	size_t n;
	unsigned a, b, c, d, bits;

	for (n = 0; n < groups; n++, s += 4, out += 3) {
		a = base64_values[s[0]];
		b = base64_values[s[1]];
		c = base64_values[s[2]];
		d = base64_values[s[3]];
		if (a == 0 || b == 0 || c == 0 || d == 0)
			break;
		bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		out[0] = (unsigned char)(bits >> 16);
		out[1] = (unsigned char)(bits >> 8);
		out[2] = (unsigned char)bits;
	}
	return n;
}

long
text_unbase64(const char *s, size_t n, unsigned char *out, size_t size)
{
	size_t len = 0, digits = 0, pads = 0, groups, room, i;
	unsigned bits = 0, held = 0, value;

	for (i = 0; i < n; i++) {
		/* Most of it: whole groups within a line. */
		if (held == 0 && pads == 0) {
			room = (size - len) / 3;
			groups = (n - i - 1) / 4;
			groups = unbase64_groups((const unsigned char *)s + i,
				groups < room ? groups : room, out + len);
			i += groups * 4;
			digits += groups * 4;
			len += groups * 3;
		}
		if (s[i] == '\n' || s[i] == '\r' || text_is_blank(s[i]))
			continue;
		if (s[i] == '=') {
			pads++;
			continue;
		}
		value = base64_values[(unsigned char)s[i]];
		if (value == 0 || pads > 0)
			return -1;
		digits++;
		bits = (bits << 6 | (value - 1)) & 0xfff;
		held += 6;
		if (held < 8)
			continue;
		if (len == size)
			return -1;
		held -= 8;
		out[len++] = (unsigned char)(bits >> held);
	}
	if (digits % 4 == 1 || pads > 2 || (pads > 0 && (digits + pads) % 4 != 0))
		return -1;
	return (long)len;
}

bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
text_is_alnum(char c)
{
	return text_is_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'z');
}

bool
text_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool
text_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
text_same(const char *a, const char *b)
{
	return text_same_n(a, strlen(a), b);
}

bool
text_same_n(const char *a, size_t an, const char *b)
{
	size_t i;

	for (i = 0; i < an && b[i] != '\0'; i++) {
		if (text_lower(a[i]) != text_lower(b[i]))
			return false;
	}
	return i == an && b[i] == '\0';
}

long long
text_number(const char *s, long long max)
{
	long long value = 0;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (!text_is_digit(*s) || value > (max - (*s - '0')) / 10)
			return -1;
		value = value * 10 + (*s - '0');
	}
	return value;
}

/* RFC 3629 4: by first byte, the length and the range of the second; the others are 80..BF. */
size_t
text_utf8(const char *s, size_t n)
{
	static const struct {
		unsigned char first, last, length, low, high;
	} rows[] = {
		{0x00, 0x7f, 1, 0x00, 0x00},
		{0xc2, 0xdf, 2, 0x80, 0xbf},
		{0xe0, 0xe0, 3, 0xa0, 0xbf},
		{0xe1, 0xec, 3, 0x80, 0xbf},
		{0xed, 0xed, 3, 0x80, 0x9f},
		{0xee, 0xef, 3, 0x80, 0xbf},
		{0xf0, 0xf0, 4, 0x90, 0xbf},
		{0xf1, 0xf3, 4, 0x80, 0xbf},
		{0xf4, 0xf4, 4, 0x80, 0x8f},
	};
	const unsigned char *p = (const unsigned char *)s;
	size_t row, i;

	for (row = 0; n > 0 && row < sizeof(rows) / sizeof(rows[0]); row++) {
		if (p[0] < rows[row].first || p[0] > rows[row].last)
			continue;
		if (rows[row].length > n)
			return 0;
		if (rows[row].length > 1 && (p[1] < rows[row].low || p[1] > rows[row].high))
			return 0;
		for (i = 2; i < rows[row].length; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		}
		return rows[row].length;
	}
	return 0;
}

/* Levenshtein's distance, one row at a time. */
unsigned
text_distance(const char *a, const char *b)
{
	unsigned row[64], diagonal, above, best;
	size_t an = strlen(a), bn = strlen(b), i, j;

	if (an > 63 || bn > 63)
		return 1000;
	for (j = 0; j <= bn; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= an; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (j = 1; j <= bn; j++) {
			above = row[j];
			best = diagonal + (a[i - 1] != b[j - 1]);
			best = above + 1 < best ? above + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[bn];
}

char *
text_copy(const char *s, size_t n)
{
	char *copy = malloc(n + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

void
text_wipe(void *secret, size_t n)
{
	explicit_bzero(secret, n);
}
