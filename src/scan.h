/* SPDX-License-Identifier: ISC */
/* scan.h: an INI text looked through line by line, before inih may guess at anything in it. */
#ifndef MAILCHUTE_SCAN_H
#define MAILCHUTE_SCAN_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* inih cuts lines and names at these lengths without a word (as Debian builds it). */
#define SCAN_LINE_MAX 199
#define SCAN_NAME_MAX 49

/* The line behind one call of inih's handler. */
struct scan_call {
	unsigned line;  /* counted from 1 */
	bool continues; /* an indented line: one more value for the key before it */
};

/* Complaints are lines "PATH:LINE: words\n". */
struct scan {
	const char *path;
	struct text *complaints;
	bool (*is_list)(const char *section, const char *key); /* may a line continue this key? */
	struct scan_call *calls;                               /* in inih's order */
	size_t n;
	bool section_lost; /* a section's line was wrong: what follows belongs nowhere */
};

/* Adds a complaint. */
void scan_complain(struct scan *s, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Complains about every line of text whose reading would be a guess, makes a comment of it, and
 * notes which line is behind which call. Returns -1 where memory ran out. The caller frees calls.
 */
int scan_text(struct scan *s, char *text, size_t len);

#endif
