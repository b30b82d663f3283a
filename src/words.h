/* SPDX-License-Identifier: ISC */
/* words.h: RFC 2047 encoded words, and long header lines folded. Knows no field by name. */
#ifndef MAILCHUTE_WORDS_H
#define MAILCHUTE_WORDS_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* True where a byte over 0x7f is there. */
bool words_eight_bit(const char *s, size_t n);

/* True where all of it is UTF-8 (ASCII is). */
bool words_utf8(const char *s, size_t n);

/*
 * Adds UTF-8 as encoded words (B, at most 75 bytes each, characters whole). fold: put line ends
 * between them and before the first, where the line would be longer than 76; for header text only.
 */
void words_encode(struct text *out, const char *s, size_t n, bool fold);

/* Adds an unstructured field's body: the words that aren't ASCII encoded, all else as it is. */
void words_unstructured(struct text *out, const char *s, size_t n);

/* The same for a piece of a structured field: phrases and comments encoded, specials kept. */
void words_structured(struct text *out, const char *s, size_t n);

/* Adds a display name: as it is, quoted, or encoded, whatever it takes (RFC 5322 3.2.5). */
void words_phrase(struct text *out, const char *s, size_t n);

/* RFC 5322 2.1.1: bytes of a line without its CRLF. */
#define WORDS_LINE_MAX 998

/* RFC 2047 2: the same where an encoded word is in it. */
#define WORDS_ENCODED_LINE 76

/*
 * Adds one field with every line over WORDS_LINE_MAX folded at a blank; in lists also behind a
 * comma outside of quotes. Where words of it were encoded the limit is WORDS_ENCODED_LINE. A line
 * without any such place stays.
 */
void words_fold(struct text *out, const char *s, size_t n, bool is_list, bool encoded);

#endif
