/* SPDX-License-Identifier: ISC */
/* relay.h: the way of a -bs caller's messages to the server. Knows no verb and answers nobody. */
#ifndef MAILCHUTE_RELAY_H
#define MAILCHUTE_RELAY_H

#include "post.h"

#include <stdbool.h>
#include <stddef.h>

/* A profile, a session with the server that serves message after message, and the one under way. */
struct relay {
	struct post post;
	struct letter letter; /* between MAIL and the dot */
	struct transaction transaction;
	struct session upstream;
	bool post_is_open, section_picked, post_is_ready;
	bool dirty; /* the server has a transaction open that is none of ours any more */
};

/* The profile, once a process. */
int relay_open(struct relay *r, struct err *e);

/* The section, by the first sender ("" is null), and all that sending needs. */
int relay_make_ready(struct relay *r, const char *sender, struct err *e);

/*
 * MAIL to the server, over the session that is there or a new one. Errors are the server's (e->code,
 * words in upstream.smtp.reply) or ours (e->code 0).
 */
int relay_mail(struct relay *r, struct err *e);

/*
 * RCPT for the letter's recipients from number `from` on; dsn: parameters for them, or "". The
 * first refusal is the answer, and doesn't stop the others.
 */
int relay_rcpt(struct relay *r, size_t from, const char *dsn, struct err *e);

/* The letter's content, repaired, to whom the server has taken. */
int relay_send(struct relay *r, struct err *e);

/* What the log tells of the session: it may be older than the message. */
void relay_note_session(struct relay *r);

/* The session is of no more use. */
void relay_lose(struct relay *r);

#endif
