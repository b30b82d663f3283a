/* SPDX-License-Identifier: ISC */
/* submit.h: a message to its recipients, over whichever host and address of the profile serves. */
#ifndef MAILCHUTE_SUBMIT_H
#define MAILCHUTE_SUBMIT_H

#include "envelope.h"
#include "err.h"
#include "message.h"
#include "profile.h"
#include "smtp.h"
#include "world.h"

/* What is sent, and how. All of it outlives the run. */
struct submit_job {
	const struct profile *profile;
	const struct world *world;
	const char *password; /* NULL where the profile has no user */
	struct envelope *envelope;
	struct message *message;      /* edited and counted */
	const char *utf8_address;     /* that needs SMTPUTF8, or NULL */
	struct smtp_trace trace;
};

/* What the log tells of the last session. */
struct submit_report {
	char peer[400];                /* "" where no connection stood */
	char tls[64];
	char reply[SMTP_WORDS_SIZE];   /* the final one: it has the server's queue id */
	unsigned connections;
};

/*
 * Tries the hosts in order and each address of theirs, until every recipient's fate is decided or
 * nothing is left to try (DNS, connect, TLS, 4yz lead on; a refusal, a refused log-in and the
 * unknown never do). 0: delivered to every recipient. -1: e says it in one sentence, and each
 * recipient's fate is in the envelope.
 */
int submit_run(const struct submit_job *job, struct submit_report *report, struct err *e);

#endif
