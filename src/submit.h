/* SPDX-License-Identifier: ISC */
/* submit.h: a message to its recipients, over whichever host and address of the profile serves. */
#ifndef MAILCHUTE_SUBMIT_H
#define MAILCHUTE_SUBMIT_H

#include "envelope.h"
#include "err.h"
#include "message.h"
#include "session.h"
#include "transaction.h"

/*
 * Tries the hosts in order and each address of theirs, until every recipient's fate is decided or
 * nothing is left to try (DNS, connect, TLS, 4yz lead on; a refusal, a refused log-in and the
 * unknown never do), and does so again while the profile's retry_for lasts, where anything failed
 * for the time being only. message: edited and counted. 0: delivered to every recipient. -1: e says it in
 * one sentence, and each recipient's fate is in the envelope.
 */
int submit_run(const struct session_job *job, struct envelope *envelope, struct message *message,
	const struct transaction_mail *mail, struct session_report *report, struct err *e);

/*
 * Brings a session up that a caller drives by himself, log-in included, over the first host and address that serves. Error: as
 * submit_run's, with each try's cause.
 */
int submit_open(struct session *s, const struct session_job *job, struct session_report *report,
	struct err *e);

#endif
