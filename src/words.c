/* SPDX-License-Identifier: ISC */
/* words.c: text that isn't ASCII as encoded words (RFC 2047). Knows no field by name. */
#include "words.h"
#include "addr.h"

#include <string.h>

/* RFC 2047 2: an encoded word has 75 bytes at most. */
#define ENCODED_BYTES 45 /* 60 digits, and 12 for "=?UTF-8?B?" and "?=" */

bool
words_eight_bit(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] > 0x7f)
			return true;
	}
	return false;
}

bool
words_utf8(const char *s, size_t n)
{
	size_t i, u;

	for (i = 0; i < n; i += u) {
		u = text_utf8(s + i, n - i);
		if (u == 0)
			return false;
	}
	return true;
}

static bool
is_space(char c)
{
	return text_is_blank(c) || c == '\r' || c == '\n';
}

/* Bytes of the last line, as far as they matter. */
static size_t
column(const struct text *out)
{
	size_t n = 0;

	while (n <= WORDS_ENCODED_LINE && n < out->len && out->at[out->len - 1 - n] != '\n')
		n++;
	return n;
}

/* Goes on in the next line where what follows wouldn't fit into this one. */
static void
break_before(struct text *out, size_t n)
{
	size_t len = out->len, col = column(out);

	if (col + n <= WORDS_ENCODED_LINE || col <= 1)
		return;
	while (len > 0 && text_is_blank(out->at[len - 1]))
		len--;
	/* A line of blanks alone would end the header for some readers. */
	if (len == 0 || out->at[len - 1] == '\n')
		return;
	out->len = len;
	out->at[len] = '\0';
	text_puts(out, "\r\n ");
}

void
words_encode(struct text *out, const char *s, size_t n, bool fold)
{
	size_t run, u;
	bool first = true;

	while (n > 0) {
		for (run = 0; run < n; run += u) {
			u = text_utf8(s + run, n - run);
			if (u == 0)
				u = 1;
			if (run + u > ENCODED_BYTES)
				break;
		}
		if (!first)
			text_char(out, ' ');
		if (fold)
			break_before(out, 12 + (run + 2) / 3 * 4);
		text_puts(out, "=?UTF-8?B?");
		text_base64(out, s, run);
		text_puts(out, "?=");
		s += run;
		n -= run;
		first = false;
	}
}

/* Adds s without its line ends (and without backslashes, where it was quoted). */
static void
add_unfolded(struct text *out, const char *s, size_t n, bool quoted)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == '\r' || s[i] == '\n')
			continue;
		if (quoted && s[i] == '\\' && i + 1 < n)
			i++;
		text_char(out, s[i]);
	}
}

static void
encode_unfolded(struct text *out, const char *s, size_t n, bool quoted)
{
	struct text plain;

	text_heap(&plain, n + 1);
	add_unfolded(&plain, s, n, quoted);
	text_cut_as(out, &plain);
	if (!plain.cut)
		words_encode(out, plain.at, plain.len, true);
	text_free(&plain);
}

static size_t
word_end(const char *s, size_t n, size_t i)
{
	while (i < n && !is_space(s[i]))
		i++;
	return i;
}

static size_t
space_end(const char *s, size_t n, size_t i)
{
	while (i < n && is_space(s[i]))
		i++;
	return i;
}

/* True for a word that came as an encoded one. */
static bool
is_encoded(const char *s, size_t n)
{
	return n > 7 && memcmp(s, "=?", 2) == 0 && memcmp(s + n - 2, "?=", 2) == 0;
}

void
words_unstructured(struct text *out, const char *s, size_t n)
{
	size_t i = 0, blanks, start, end, next;
	bool behind_encoded = false;

	while (i < n) {
		blanks = i;
		i = space_end(s, n, i);
		text_add(out, s + blanks, i - blanks);
		end = word_end(s, n, i);
		if (!words_eight_bit(s + i, end - i)) {
			text_add(out, s + i, end - i);
			behind_encoded = is_encoded(s + i, end - i);
			i = end;
			continue;
		}
		/* The blanks beside a word that came encoded would be dropped: they are encoded, too. */
		start = behind_encoded ? blanks : i;
		/* Blanks between two encoded words are dropped by readers: such neighbours are one. */
		for (next = end; next < n; next = word_end(s, n, next)) {
			next = space_end(s, n, next);
			if (!words_eight_bit(s + next, word_end(s, n, next) - next))
				break;
			end = word_end(s, n, next);
		}
		next = space_end(s, n, end);
		if (!is_encoded(s + next, word_end(s, n, next) - next))
			next = end;
		encode_unfolded(out, s + start, next - start, false);
		behind_encoded = false;
		i = end;
	}
}

static bool
is_word(char c)
{
	return !text_is_control(c) && strchr(" ()<>[]:;@\\,", c) == NULL;
}

/* The end of a run of words with blanks between them, from i on. */
static size_t
phrase_end(const char *s, size_t n, size_t i)
{
	size_t end = i, k;

	while (i < n && (is_word(s[i]) || is_space(s[i]))) {
		k = s[i] == '"' ? addr_enclosed(s + i, n - i) : 1;
		if (k == 0)
			return n; /* an open quote: all that follows is in it */
		i += k;
		if (!is_space(s[i - 1]))
			end = i;
	}
	return end;
}

/* A phrase: its quoted strings lose their quotes, since encoded words can't stand in them. */
static void
encode_phrase(struct text *out, const char *s, size_t n)
{
	struct text plain;
	size_t i, k;

	text_heap(&plain, n + 1);
	for (i = 0; i < n; i += k) {
		k = s[i] == '"' ? addr_enclosed(s + i, n - i) : 0;
		if (k > 1)
			add_unfolded(&plain, s + i + 1, k - 2, true);
		else {
			k = 1;
			add_unfolded(&plain, s + i, 1, false);
		}
	}
	text_cut_as(out, &plain);
	if (!plain.cut)
		words_encode(out, plain.at, plain.len, true);
	text_free(&plain);
}

/* True for what encoded words can say. */
static bool
can_encode(const char *s, size_t n)
{
	return words_eight_bit(s, n) && words_utf8(s, n);
}

/* RFC 2047 5 (3): an encoded word in a phrase has a blank on either side. */
static void
set_apart(struct text *out)
{
	if (out->len > 0 && !is_space(out->at[out->len - 1]))
		text_char(out, ' ');
}

void
words_structured(struct text *out, const char *s, size_t n)
{
	size_t i = 0, k;

	while (i < n) {
		if (s[i] == '(') {
			k = addr_enclosed(s + i, n - i);
			if (k > 1 && can_encode(s + i, k)) {
				text_char(out, '(');
				encode_unfolded(out, s + i + 1, k - 2, true);
				text_char(out, ')');
			} else {
				/* One that never ends is no comment: it stays. */
				k = k == 0 ? n - i : k;
				text_add(out, s + i, k);
			}
		} else if (is_word(s[i])) {
			k = phrase_end(s, n, i) - i;
			if (can_encode(s + i, k)) {
				set_apart(out);
				encode_phrase(out, s + i, k);
				if (i + k < n && !is_space(s[i + k]))
					text_char(out, ' ');
			} else
				text_add(out, s + i, k);
		} else {
			k = 1;
			text_add(out, s + i, 1);
		}
		i += k;
	}
}

void
words_phrase(struct text *out, const char *s, size_t n)
{
	bool plain = true;
	size_t i;

	/* "Reminder Service" in its quotes is quoted already. */
	if (n > 1 && s[0] == '"' && addr_enclosed(s, n) == n) {
		if (can_encode(s, n))
			encode_phrase(out, s, n);
		else
			text_add(out, s, n);
		return;
	}
	if (words_eight_bit(s, n)) {
		words_encode(out, s, n, true);
		return;
	}
	for (i = 0; i < n; i++) {
		if ((!text_is_alnum(s[i]) && strchr("!#$%&'*+-/=?^_`{|}~ ", s[i]) == NULL))
			plain = false;
	}
	if (plain) {
		text_add(out, s, n);
		return;
	}
	text_char(out, '"');
	for (i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			text_char(out, '\\');
		text_char(out, s[i]);
	}
	text_char(out, '"');
}
