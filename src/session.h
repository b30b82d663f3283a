/* SPDX-License-Identifier: ISC */
/* session.h: a session with a server, as the profile wants it. Chooses no server. */
#ifndef MAILCHUTE_SESSION_H
#define MAILCHUTE_SESSION_H

#include "err.h"
#include "profile.h"
#include "smtp.h"
#include "world.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 8314: the two ports of submission; `port = auto` begins with the first. */
#define SESSION_PORT_IMPLICIT 465
#define SESSION_PORT_STARTTLS 587

/* Whom to dial, and as whom. All of it outlives the sessions. */
struct session_job {
	const struct profile *profile;
	const struct world *world;
	const char *password, *token; /* "" where the profile has none */
	const struct keypair *client; /* NULL: none */
	int family;                   /* AF_UNSPEC, or AF_INET or AF_INET6 alone */
	int timeout; /* milliseconds, in place of the profile's; 0: the profile's */
	struct smtp_trace trace;
	/* As transaction.h has it; NULL: nothing to call. */
	int (*before_commit)(void *ctx, struct err *e);
	void *ctx;
};

/* What the log tells of the last session. */
struct session_report {
	char peer[400]; /* "" where no connection stood */
	char tls[64];
	char reply[SMTP_WORDS_SIZE]; /* the final one: it has the server's queue id */
	unsigned connections;
	unsigned rounds;       /* that began (retry_for) */
	unsigned capabilities; /* of the last session (smtp.h) */
};

/* How far a try came. */
struct session_progress {
	bool greeted; /* greeting, EHLO, TLS, EHLO */
	bool logged_in;
};

struct session {
	struct net net;
	struct smtp smtp;
	struct smtp_options options;
	char helo[80];
	bool is_open;
};

/* The end of a run, or of one step of -bs, that begins now. */
int64_t session_deadline(const struct session_job *job);

/*
 * Greeting, TLS and log-in over s->net, which is connected to host. for_message: what follows may
 * share a flight with the log-in (auth_pipelining). Whatever comes of it, s is to be closed. Errors:
 * smtp_open's and auth_login's.
 */
int session_bring_up(struct session *s, const struct session_job *job,
	const struct value_host *host, int64_t deadline, bool for_message,
	struct session_report *report, struct session_progress *progress, struct err *e);

/* Writes down what the session is encrypted by. */
void session_note_tls(const struct smtp *s, struct session_report *report);

/* A new deadline for what comes next. */
void session_extend(struct session *s, const struct session_job *job);

/* Ends the session if it is open; politely where the peer isn't lost. */
void session_close(struct session *s, bool say_quit);

#endif
