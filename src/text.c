/* SPDX-License-Identifier: ISC */
/* text.c: bounded text, and what is written into it. Knows no locale and does no I/O. */
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
	if (at == NULL) {
		t->no_memory = true;
		return false;
	}
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
	/* Where less can still be had, nothing is missing. */
	if (!grow(t, n))
		t->no_memory = false;
}

void
text_cut_as(struct text *t, const struct text *part)
{
	t->cut = t->cut || part->cut;
	t->no_memory = t->no_memory || part->no_memory;
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
