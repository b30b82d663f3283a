/* SPDX-License-Identifier: ISC */
/* dialogue.h: lines from a caller and replies to him, over two descriptors. Knows no verb. */
#ifndef MAILCHUTE_DIALOGUE_H
#define MAILCHUTE_DIALOGUE_H

#include "spool.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* RFC 5321 4.5.3.1.4 asks for 512; extensions add to it. */
#define DIALOGUE_LINE_MAX 2048

enum dialogue_got {
	DIALOGUE_LINE,
	DIALOGUE_TOO_LONG, /* the line was skipped to its end */
	DIALOGUE_NUL,      /* likewise */
	DIALOGUE_END       /* of input, or the caller can't be answered */
};

struct dialogue {
	int in, out;
	bool broken; /* an answer couldn't be written, or input failed */
	bool crlf;   /* the last line ended in CRLF, not in a bare LF */
	size_t at, len;
	char input[8192];
	struct text replies; /* not written yet: they go when we would wait for input */
	char replies_buf[8192];
};

void dialogue_init(struct dialogue *d, int in, int out);

/* Adds a reply's line; words are masked, CRLF is added. more: "250-" instead of "250 ". */
void dialogue_reply(struct dialogue *d, const char *code, bool more, const char *words);

/* Writes what waits. false: the caller hears no more. */
bool dialogue_flush(struct dialogue *d);

/* The next line without its end into buf (DIALOGUE_LINE_MAX + 1 bytes). */
enum dialogue_got dialogue_line(struct dialogue *d, char *buf);

/*
 * Content up to the lone dot, its dots undone, into the spool. The line ends of the last command
 * say which ones count: to a caller who writes CRLF, LF.LF is content. A spool that fails is read
 * on to the dot (*e says why). Returns false where the input ends before the dot.
 */
bool dialogue_content(struct dialogue *d, struct spool *s, const char *folder, struct err *e);

#endif
