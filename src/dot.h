/* SPDX-License-Identifier: ISC */
/* dot.h: line endings and dots, outward. Knows neither sockets nor messages. */
#ifndef MAILCHUTE_DOT_H
#define MAILCHUTE_DOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the encoder saw, counted over its output without the stuffed dots. */
struct dot_facts {
	uint64_t size;  /* bytes */
	uint64_t dots;  /* lines that begin with a dot */
	size_t longest; /* bytes of the longest line, without its CRLF */
	bool eight_bit; /* a byte over 0x7f */
	bool nul;       /* NULs were there, and were dropped */
};

/* The space that dot_encode and dot_end need at least. */
#define DOT_ROOM 8

/*
 * Turns any mixture of CRLF, LF, CR CR LF and lone CR into CRLF, drops NUL (SMTP can't carry it),
 * and doubles a dot at the start of a line where stuff is set (RFC 5321 4.5.2). Any byte may be the
 * last of a call; what is pending is kept here. Zero-initialized but for stuff, it is ready; line
 * is 0 at the start of a line.
 */
struct dot {
	bool stuff;
	unsigned crs; /* CRs seen whose meaning the next byte decides: 0 to 2 */
	size_t line;  /* bytes of the line so far */
	struct dot_facts facts;
};

/*
 * Encodes from *in into out until either is used up. room is at least DOT_ROOM. Advances *in and
 * *n; returns the bytes written.
 */
size_t dot_encode(struct dot *d, const char **in, size_t *n, char *out, size_t room);

/* Ends the text: decides pending CRs, and ends a last line that lacks its line end. */
size_t dot_end(struct dot *d, char *out, size_t room);

#endif
