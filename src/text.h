/* SPDX-License-Identifier: ISC */
/* text.h: bounded text, base64, ASCII classes, UTF-8. Knows no locale and does no I/O. */
#ifndef MAILCHUTE_TEXT_H
#define MAILCHUTE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Text that is always NUL-terminated and never overruns. What doesn't fit is left out and "cut"
 * stays set, so that one look at the end is enough.
 */
struct text {
	char *at;
	size_t len;  /* bytes, without the NUL */
	size_t size; /* bytes at hand, NUL included */
	size_t max;  /* bytes it may grow to; 0: the memory is the caller's and doesn't grow */
	bool cut;
	bool no_memory; /* and that is why it's cut */
};

/* A text in the caller's buffer; size is at least 1. */
void text_fixed(struct text *t, char *buf, size_t size);

/* A text on the heap, of at most max bytes. */
void text_heap(struct text *t, size_t max);

/* Room for n more bytes at once, if it can be had: no copy of what is there is made for each half. */
void text_reserve(struct text *t, size_t n);

/* Frees a heap text; harmless for a fixed one and twice. */
void text_free(struct text *t);

/* t was made of part: what was cut there is missing here, too. */
void text_cut_as(struct text *t, const struct text *part);

void text_add(struct text *t, const char *s, size_t n);
void text_char(struct text *t, char c);
void text_puts(struct text *t, const char *s);

/*
 * printf's own would be a tenth of the binary. Of its conversions there are these: %s %.Ns %.*s %c
 * %d %ld %lld %u %zu %lu %llu %x %%, and a width with or without 0 for numbers.
 */
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void
text_vprintf(struct text *t, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Fills buf (size bytes); false where it didn't fit: then it is cut, and still ends in NUL. */
bool
text_format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Every control character from byte `from` on becomes '?'. */
void text_mask(struct text *t, size_t from);

/* Adds an IP address: 4 bytes as 192.0.2.1, 16 as 2001:db8::1 (RFC 5952). */
void text_address(struct text *t, const unsigned char *address, size_t n);

/* Adds n bytes with every control character as '?'. */
void text_masked(struct text *t, const char *s, size_t n);

/* Adds the base64 (RFC 4648 4, padded, no line ends) of n bytes. */
void text_base64(struct text *t, const void *data, size_t n);

/*
 * Decodes base64, skipping blanks and line ends, into out (size bytes).
 * Returns the number of bytes, or -1: not base64, or longer than size.
 */
long text_unbase64(const char *s, size_t n, unsigned char *out, size_t size);

/* ASCII only, whatever the locale says. */
bool text_is_digit(char c);
bool text_is_alnum(char c);
bool text_is_blank(char c); /* space or tab */
bool text_is_control(char c);
char text_lower(char c);

/* Equal but for ASCII case. */
bool text_same(const char *a, const char *b);
bool text_same_n(const char *a, size_t an, const char *b);

/*
 * Reads a decimal number of at most max from s, digits alone (no sign, no blanks).
 * Returns -1 where it is anything else.
 */
long long text_number(const char *s, long long max);

/* Bytes of the UTF-8 sequence at s (1 to 4), or 0 where it is none (RFC 3629). n: bytes at s. */
size_t text_utf8(const char *s, size_t n);

/* How many single-character edits part a from b; words longer than 63 bytes are far (1000). */
unsigned text_distance(const char *a, const char *b);

/* Copies s; NULL where memory ran out. */
char *text_copy(const char *s, size_t n);

/* Overwrites a secret; the compiler may not leave it out. */
void text_wipe(void *secret, size_t n);

#endif
