/* SPDX-License-Identifier: ISC */
/* words_fold.c: header lines that are too long, folded where it changes no meaning. */
#include "words.h"

#include <string.h>

/* Where a line may be broken depends on what is open: a comma within quotes separates nothing. */
struct folding {
	size_t limit;
	bool is_list;
	bool quoted;
	size_t comments; /* their depth */
};

/* Steps over one character, or an escaped one; returns its bytes. */
static size_t
step(struct folding *f, const char *s, size_t n)
{
	if (*s == '\\')
		return n > 1 ? 2 : 1;
	if (*s == '"' && f->comments == 0)
		f->quoted = !f->quoted;
	else if (*s == '(' && !f->quoted)
		f->comments++;
	else if (*s == ')' && !f->quoted && f->comments > 0)
		f->comments--;
	return 1;
}

/*
 * Where the line at s (n bytes, over the limit) may be broken: bytes of its first part, or 0. *f is
 * then what is open there.
 */
static size_t
fold_place(struct folding *f, const char *s, size_t n)
{
	struct folding now = *f, there = *f;
	size_t place = 0, i = 0;
	bool words = false;

	while (i < n && (i <= f->limit || place == 0)) {
		bool separates = s[i] == ',' && f->is_list && !now.quoted && now.comments == 0 &&
				 i + 1 < n && i < f->limit;

		if (separates || (text_is_blank(s[i]) && words)) {
			place = separates ? i + 1 : i;
			there = now;
		}
		words = words || !text_is_blank(s[i]);
		i += step(&now, s + i, n - i);
	}
	/* A line of blanks alone would end the header for some readers. */
	for (i = place; i < n && text_is_blank(s[i]); i++)
		;
	if (i == n || place == 0)
		return 0;
	*f = there;
	return place;
}

static void
fold_line(struct folding *f, struct text *out, const char *s, size_t n)
{
	size_t place, i;

	while (n > f->limit) {
		place = fold_place(f, s, n);
		if (place == 0)
			break;
		text_add(out, s, place);
		text_puts(out, text_is_blank(s[place]) ? "\r\n" : "\r\n ");
		s += place;
		n -= place;
	}
	text_add(out, s, n);
	for (i = 0; i < n;)
		i += step(f, s + i, n - i);
}

void
words_fold(struct text *out, const char *s, size_t n, bool is_list, bool encoded)
{
	struct folding f = {
		.limit = encoded ? WORDS_ENCODED_LINE : WORDS_LINE_MAX, .is_list = is_list};
	const char *end;
	size_t line, tail;

	while (n > 0) {
		end = memchr(s, '\n', n);
		line = end != NULL ? (size_t)(end - s) + 1 : n;
		tail = line >= 2 && s[line - 2] == '\r' && s[line - 1] == '\n' ? 2 : 0;
		fold_line(&f, out, s, line - tail);
		text_add(out, s + line - tail, tail);
		s += line;
		n -= line;
	}
}
