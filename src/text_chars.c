/* SPDX-License-Identifier: ISC */
/* text_chars.c: what a character is, in ASCII and UTF-8, and how strings compare. Makes no text. */
#include "text.h"

#include <string.h>

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
