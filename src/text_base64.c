/* SPDX-License-Identifier: ISC */
/* text_base64.c: bytes as base64, and back (RFC 4648 4). Knows nobody's line length. */
#include "text.h"

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
