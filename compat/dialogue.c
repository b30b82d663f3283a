/* SPDX-License-Identifier: ISC */
/* dialogue.c: lines from a caller and replies to him, over two descriptors. Knows no verb. */
#include "dialogue.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
dialogue_init(struct dialogue *d, int in, int out)
{
	d->in = in;
	d->out = out;
	d->broken = d->crlf = false;
	d->at = d->len = 0;
	text_fixed(&d->replies, d->replies_buf, sizeof(d->replies_buf));
}

bool
dialogue_flush(struct dialogue *d)
{
	size_t at = 0;
	ssize_t done;

	while (!d->broken && at < d->replies.len) {
		done = write(d->out, d->replies.at + at, d->replies.len - at);
		if (done == -1 && errno != EINTR)
			d->broken = true;
		at += done > 0 ? (size_t)done : 0;
	}
	d->replies.len = 0;
	return !d->broken;
}

void
dialogue_reply(struct dialogue *d, const char *code, bool more, const char *words)
{
	if (sizeof(d->replies_buf) - d->replies.len < 4096)
		(void)dialogue_flush(d);
	text_puts(&d->replies, code);
	text_char(&d->replies, more ? '-' : ' ');
	text_masked(&d->replies, words, strnlen(words, 2000));
	text_puts(&d->replies, "\r\n");
}

/* More input; false at its end. Nobody waits for an answer that isn't written. */
static bool
fill(struct dialogue *d)
{
	ssize_t got;

	if (!dialogue_flush(d))
		return false;
	do
		got = read(d->in, d->input, sizeof(d->input));
	while (got == -1 && errno == EINTR);
	d->at = 0;
	d->len = got > 0 ? (size_t)got : 0;
	d->broken = d->broken || got == -1;
	return got > 0;
}

enum dialogue_got
dialogue_line(struct dialogue *d, char *buf)
{
	size_t len = 0, n;
	bool too_long = false, nul = false;
	const char *at, *end;

	do {
		if (d->at == d->len && !fill(d))
			return DIALOGUE_END;
		at = d->input + d->at;
		end = memchr(at, '\n', d->len - d->at);
		n = end != NULL ? (size_t)(end - at) + 1 : d->len - d->at;
		nul = nul || memchr(at, '\0', n) != NULL;
		d->at += n;
		if (n > DIALOGUE_LINE_MAX - len)
			too_long = true;
		if (!too_long) {
			memcpy(buf + len, at, n);
			len += n;
		}
	} while (end == NULL);
	if (too_long)
		return DIALOGUE_TOO_LONG;
	if (nul)
		return DIALOGUE_NUL;
	len--;
	d->crlf = len > 0 && buf[len - 1] == '\r';
	len -= d->crlf;
	buf[len] = '\0';
	return DIALOGUE_LINE;
}

/* Where in a line of content we are. */
enum place { AT_START, AFTER_DOT, AFTER_DOT_CR, IN_LINE, AFTER_CR, AFTER_LF, AFTER_LF_DOT };

/* A walk over content. */
struct content {
	enum place place;
	bool crlf; /* the lone dot has CRLF around it */
};

/*
 * What follows c; *end: it was the lone dot's last byte; *keep: it is content. RFC 5321 4.5.2: a
 * dot at a line's start goes, whatever follows it; behind a bare LF only a doubled one does
 * (smtplib doubles the dots of content whose LFs it leaves alone).
 */
static enum place
step(const struct content *c, char byte, bool *end, bool *keep)
{
	*end = false;
	*keep = true;
	switch (c->place) {
	case AT_START:
		if (byte == '.') {
			*keep = false;
			return AFTER_DOT;
		}
		break;
	case AFTER_LF:
		if (byte == '.')
			return AFTER_LF_DOT;
		break;
	case AFTER_LF_DOT:
		if (byte == '.') {
			*keep = false;
			return IN_LINE;
		}
		break;
	case AFTER_DOT:
		if (byte == '\n' && !c->crlf)
			*end = true;
		if (byte == '\r')
			return AFTER_DOT_CR;
		break;
	case AFTER_DOT_CR:
		if (byte == '\n')
			*end = true;
		break;
	case AFTER_CR:
	case IN_LINE:
		break;
	}
	if (byte == '\r')
		return AFTER_CR;
	if (byte == '\n')
		return !c->crlf || c->place == AFTER_CR ? AT_START : AFTER_LF;
	return IN_LINE;
}

bool
dialogue_content(struct dialogue *d, struct spool *s, const char *folder, struct err *e)
{
	struct content c = {.place = AT_START, .crlf = d->crlf};
	char run[4096];
	size_t n = 0;
	bool end = false, keep;

	while (!end) {
		enum place before = c.place;
		char byte;

		if (d->at == d->len && !fill(d))
			return false;
		byte = d->input[d->at++];
		c.place = step(&c, byte, &end, &keep);
		if (keep)
			run[n++] = byte;
		if (!end && (n < sizeof(run) - 2 || c.place == AFTER_DOT_CR))
			continue;
		/* Of the lone dot's line its line end came along. */
		if (end)
			n -= before == AFTER_DOT_CR ? 2 : 1;
		if (n > 0 && e->kind == ERR_NONE)
			(void)spool_add(s, run, n, folder, e);
		n = 0;
	}
	return true;
}
