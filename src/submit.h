/* SPDX-License-Identifier: ISC */
/* submit.h: a message to its recipients, over whichever host and address of the profile serves. */
#ifndef MAILCHUTE_SUBMIT_H
#define MAILCHUTE_SUBMIT_H

#include "envelope.h"
#include "err.h"
#include "message.h"
#include "profile.h"
#include "smtp.h"
#include "transaction.h"
#include "world.h"

/* Whom to dial, and as whom. All of it outlives the sessions. */
struct submit_job {
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
struct submit_report {
	char peer[400]; /* "" where no connection stood */
	char tls[64];
	char reply[SMTP_WORDS_SIZE]; /* the final one: it has the server's queue id */
	unsigned connections;
	unsigned rounds;       /* that began (retry_for) */
	unsigned capabilities; /* of the last session (smtp.h) */
};

/*
 * Tries the hosts in order and each address of theirs, until every recipient's fate is decided or
 * nothing is left to try (DNS, connect, TLS, 4yz lead on; a refusal, a refused log-in and the
 * unknown never do), and does so again while the profile's retry_for lasts, where anything failed
 * for the time being only. message: edited and counted. 0: delivered to every recipient. -1: e says it in
 * one sentence, and each recipient's fate is in the envelope.
 */
int submit_run(const struct submit_job *job, struct envelope *envelope, struct message *message,
	const struct transaction_mail *mail, struct submit_report *report, struct err *e);

/* A session that a caller drives by himself, transaction by transaction. */
struct submit_session {
	struct net net;
	struct smtp smtp;
	struct smtp_options options;
	char helo[80];
	bool is_open;
};

/*
 * Brings a session up, log-in included, over the first host and address that serves. Error: as
 * submit_run's, with each try's cause.
 */
int submit_open(struct submit_session *s, const struct submit_job *job,
	struct submit_report *report, struct err *e);

/* Writes down what the session is encrypted by. */
void submit_note_tls(const struct smtp *s, struct submit_report *report);

/* A new deadline for what comes next. */
void submit_extend(struct submit_session *s, const struct submit_job *job);

/* Ends the session if it is open; politely where the peer isn't lost. */
void submit_close(struct submit_session *s, bool say_quit);

#endif
