/* SPDX-License-Identifier: ISC */
/* scan.c: an INI text looked through line by line, before inih may guess at anything in it. */
#include "scan.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Where in the text we are. */
struct place {
	unsigned line;
	char section[SCAN_NAME_MAX + 1];
	char key[SCAN_NAME_MAX + 1]; /* that an indented line would continue; empty: none */
	bool in_section;
};

void
scan_complain(struct scan *s, unsigned line, const char *fmt, ...)
{
	size_t start = s->complaints->len;
	va_list ap;

	text_printf(s->complaints, "%s:%u: ", s->path, line);
	va_start(ap, fmt);
	text_vprintf(s->complaints, fmt, ap);
	va_end(ap);
	text_mask(s->complaints, start);
	text_char(s->complaints, '\n');
}

static int
note_call(struct scan *s, unsigned line, bool continues)
{
	struct scan_call *more;

	/* Powers of two: the list is grown when n is one. */
	if ((s->n & (s->n - 1)) == 0) {
		more = realloc(s->calls, (s->n == 0 ? 1 : s->n * 2) * sizeof(*more));
		if (more == NULL)
			return -1;
		s->calls = more;
	}
	s->calls[s->n++] = (struct scan_call){line, continues};
	return 0;
}

static size_t
trimmed(const char *s, size_t n)
{
	while (n > 0 && (text_is_blank(s[n - 1]) || s[n - 1] == '\r'))
		n--;
	return n;
}

static void
scan_section(struct scan *s, struct place *p, const char *line, size_t n)
{
	const char *end = memchr(line, ']', n);

	p->key[0] = '\0';
	if (end == NULL || end + 1 != line + n) {
		scan_complain(s, p->line, "a section is [name], with nothing behind it");
		s->section_lost = true;
		return;
	}
	if (n - 2 > SCAN_NAME_MAX || n == 2) {
		scan_complain(s, p->line, "a section's name has 1 to %d bytes", SCAN_NAME_MAX);
		s->section_lost = true;
		return;
	}
	memcpy(p->section, line + 1, n - 2);
	p->section[n - 2] = '\0';
	p->in_section = true;
}

static bool
has_control(const char *line, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (text_is_control(line[i]) && line[i] != '\t')
			return true;
	}
	return false;
}

/* inih would take " ;" for the begin of a comment: in a password that is a silent cut. */
static bool
has_inline_comment(const char *line, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++) {
		if (line[i] == ';' && text_is_blank(line[i - 1]))
			return true;
	}
	return false;
}

static int
scan_pair(struct scan *s, struct place *p, const char *line, size_t n)
{
	size_t split = 0, key_len;

	while (split < n && line[split] != '=' && line[split] != ':')
		split++;
	key_len = trimmed(line, split);
	p->key[0] = '\0';
	if (split == n || key_len == 0) {
		scan_complain(s, p->line, "neither [section] nor key = value nor # comment");
		return 0;
	}
	if (key_len > SCAN_NAME_MAX) {
		scan_complain(s, p->line, "a key has %d bytes at most", SCAN_NAME_MAX);
		return 0;
	}
	if (!p->in_section) {
		scan_complain(
			s, p->line, "this key stands before any section: begin with [default]");
		return 0;
	}
	memcpy(p->key, line, key_len);
	p->key[key_len] = '\0';
	return note_call(s, p->line, false);
}

static int
scan_line(struct scan *s, struct place *p, const char *line, size_t n)
{
	size_t indent = 0;

	if (has_control(line, trimmed(line, n))) {
		scan_complain(s, p->line,
			"a control character is in this line (a lone carriage "
			"return or NUL, perhaps)");
		return 0;
	}
	if (n > SCAN_LINE_MAX) {
		scan_complain(s, p->line,
			"this line has over %d bytes; a long list goes on in "
			"indented lines, a long secret into password_file",
			SCAN_LINE_MAX);
		return 0;
	}
	n = trimmed(line, n);
	while (indent < n && text_is_blank(line[indent]))
		indent++;
	if (indent == n || line[indent] == '#' || line[indent] == ';')
		return 0;
	if (has_inline_comment(line, n)) {
		scan_complain(s, p->line,
			"\" ;\" would begin a comment here: put comments on "
			"lines of their own, such a secret into password_file");
		return 0;
	}
	if (indent == 0)
		return line[0] == '[' ? (scan_section(s, p, line, n), 0) : scan_pair(s, p, line, n);
	if (p->key[0] == '\0' || !s->is_list(p->section, p->key)) {
		scan_complain(s, p->line, "this line is indented, but nothing before it goes on");
		return 0;
	}
	return note_call(s, p->line, true);
}

int
scan_text(struct scan *s, char *text, size_t len)
{
	struct place p = {.line = 0};
	char *at = text, *end = text + len, *stop;
	size_t complaints;

	if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3; /* a byte order mark: inih steps over it too */
	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		p.line++;
		complaints = s->complaints->len;
		if (scan_line(s, &p, at, (size_t)(stop - at)) == -1)
			return -1;
		/* Behind a lost section's line nobody knows where a key belongs. */
		if (s->section_lost) {
			memset(at, '#', (size_t)(end - at));
			break;
		}
		if (s->complaints->len > complaints)
			memset(at, '#', (size_t)(stop - at));
	}
	return 0;
}
