/* SPDX-License-Identifier: ISC */
/* dot.c: line endings and dots, outward. Knows neither sockets nor messages. */
#include "dot.h"

#include <string.h>

static size_t
line_end(struct dot *d, char *out)
{
	memcpy(out, "\r\n", 2);
	if (d->line > d->facts.longest)
		d->facts.longest = d->line;
	d->line = 0;
	d->facts.size += 2;
	return 2;
}

/* Decides the CRs that came before c: one or two before LF belong to it, others end a line each. */
static size_t
decide_crs(struct dot *d, char c, char *out)
{
	size_t n = 0;

	if (c == '\n')
		n += line_end(d, out);
	else {
		for (; d->crs > 0; d->crs--)
			n += line_end(d, out + n);
	}
	d->crs = 0;
	return n;
}

/* How many bytes at s are neither CR, LF nor NUL; notes bytes over 0x7f. */
static size_t
plain_run(struct dot *d, const char *s, size_t n)
{
	unsigned char seen = 0;
	size_t i;

	for (i = 0; i < n && s[i] != '\n' && s[i] != '\r' && s[i] != '\0'; i++)
		seen |= (unsigned char)s[i];
	if ((seen & 0x80) != 0)
		d->facts.eight_bit = true;
	return i;
}

/* Handles one CR, LF or NUL. */
static size_t
special(struct dot *d, char c, char *out)
{
	if (c == '\0') {
		d->facts.nul = true;
		return 0;
	}
	if (c == '\n')
		return decide_crs(d, c, out);
	if (d->crs < 2) {
		d->crs++;
		return 0;
	}
	return line_end(d, out); /* a third CR in a row: the first was alone */
}

size_t
dot_encode(struct dot *d, const char **in, size_t *n, char *out, size_t room)
{
	size_t len = 0, run;

	while (*n > 0 && room - len >= DOT_ROOM) {
		char c = **in;

		if (c == '\n' || c == '\r' || c == '\0') {
			len += special(d, c, out + len);
			++*in;
			--*n;
			continue;
		}
		if (d->crs > 0)
			len += decide_crs(d, c, out + len);
		if (c == '.' && d->line == 0) {
			d->facts.dots++;
			if (d->stuff)
				out[len++] = '.';
		}
		run = *n < room - len ? *n : room - len;
		run = plain_run(d, *in, run);
		memcpy(out + len, *in, run);
		len += run;
		d->line += run;
		d->facts.size += run;
		*in += run;
		*n -= run;
	}
	return len;
}

size_t
dot_end(struct dot *d, char *out, size_t room)
{
	size_t len = 0;

	if (room < DOT_ROOM)
		return 0;
	if (d->crs > 0)
		len = decide_crs(d, '\0', out);
	if (d->line > 0)
		len += line_end(d, out + len);
	return len;
}
