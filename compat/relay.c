/* SPDX-License-Identifier: ISC */
/* relay.c: the way of a -bs caller's messages to the server. Knows no verb and answers nobody. */
#include "relay.h"

#include <stdlib.h>
#include <string.h>

void
relay_lose(struct relay *r)
{
	session_close(&r->upstream, false);
	r->dirty = false;
}

/* The profile, once a process: its errors are the answer to MAIL. */
int
relay_open(struct relay *r, struct err *e)
{
	if (r->post_is_open)
		return 0;
	/* A profile that was wrong a moment ago may be mended: begin anew. */
	profile_close(&r->post.file);
	if (post_open(&r->post, &r->letter, e) == -1)
		return -1;
	r->post_is_open = true;
	return 0;
}

/* The section is chosen by the first sender; then all that sending needs is fetched. */
int
relay_make_ready(struct relay *r, const char *sender, struct err *e)
{
	struct letter *l = &r->letter;
	int again = r->section_picked ? 1 : 0;

	do {
		if (origin_find(&l->origin, &r->post.profile, r->post.world, sender, e) == -1)
			return -1;
		memcpy(l->envelope.from, l->origin.sender, sizeof(l->envelope.from));
		if (!r->section_picked && post_pick_section(&r->post, l, e) == -1)
			return -1;
		r->section_picked = true;
	} while (again++ == 0);
	if (!r->post_is_ready &&
		(profile_check(&r->post.profile, e) == -1 || post_ready(&r->post, e) == -1))
		return -1;
	r->post_is_ready = true;
	return 0;
}

static int
reset(struct relay *r, struct err *e)
{
	struct smtp *s = &r->upstream.smtp;

	if (!r->dirty)
		return 0;
	if (smtp_put(s, SMTP_AT_RSET, "RSET", NULL, e) == -1 || smtp_get(s, SMTP_AT_RSET, e) == -1)
		return -1;
	r->dirty = false;
	if (s->reply.code / 100 == 2)
		return 0;
	(void)smtp_refused(s, "RSET", ERR_TEMP, e);
	e->lost_peer = true; /* of no more use: a new session is */
	return -1;
}

/* MAIL over the session that is there. */
static int
mail_again(struct relay *r, struct err *e)
{
	session_extend(&r->upstream, &r->post.job);
	if (reset(r, e) == -1)
		return -1;
	return transaction_mail(&r->upstream.smtp, &r->transaction, e);
}

/* A session lost while it was idle is opened again without a word. */
int
relay_mail(struct relay *r, struct err *e)
{
	struct err lost = {.kind = ERR_NONE};

	r->transaction = (struct transaction){.envelope = &r->letter.envelope,
		.message = &r->letter.message,
		.mail = r->letter.mail};
	if (r->upstream.is_open) {
		if (mail_again(r, &lost) == 0)
			return 0;
		if (!lost.lost_peer)
			return err_copy(e, &lost);
		relay_lose(r);
	}
	if (submit_open(&r->upstream, &r->post.job, &r->letter.report, e) == -1) {
		e->code = 0; /* a 535 is the answer to our log-in, not to his MAIL */
		return -1;
	}
	return mail_again(r, e);
}

/* The session's names for the log: it may be older than the message. */
void
relay_note_session(struct relay *r)
{
	struct session_report *report = &r->letter.report;

	if (!r->upstream.is_open)
		return;
	report->connections = 1;
	report->capabilities = r->upstream.smtp.capabilities;
	(void)text_format(report->peer, sizeof(report->peer), "%s", r->upstream.smtp.peer);
	session_note_tls(&r->upstream.smtp, report);
}

/*
 * Asks the server about the recipients that one RCPT stands for (an alias may be several): one that
 * is refused doesn't stop the others, and is the answer.
 */
int
relay_rcpt(struct relay *r, size_t from, const char *dsn, struct err *e)
{
	struct envelope *env = &r->letter.envelope;
	struct smtp_reply *said = &r->upstream.smtp.reply, refusal;
	size_t i;

	session_extend(&r->upstream, &r->post.job);
	for (i = from; i < env->n; i++) {
		if (dsn[0] != '\0')
			env->rcpts[i].dsn = text_copy(dsn, strlen(dsn));
		struct err one = {.kind = ERR_NONE};

		if (transaction_rcpt(&r->upstream.smtp, &r->transaction, &env->rcpts[i], &one) == 0)
			continue;
		env->rcpts[i].told = true;
		if (one.lost_peer)
			err_clear(e);
		else if (e->kind == ERR_NONE)
			refusal = *said;
		(void)err_copy(e, &one);
		if (one.lost_peer)
			return -1;
	}
	if (e->kind == ERR_NONE)
		return 0;
	*said = refusal;
	return -1;
}

/* Whom the server has taken goes into the transaction's batch. */
static size_t
fill_batch(struct relay *r, struct rcpt **batch, size_t max)
{
	struct envelope *env = &r->letter.envelope;
	size_t n = 0, i;

	for (i = 0; i < env->n && n < max; i++) {
		if (env->rcpts[i].fate == RCPT_TAKEN)
			batch[n++] = &env->rcpts[i];
	}
	return n;
}

/* The content is here: repaired like any other message, and sent. */
int
relay_send(struct relay *r, struct err *e)
{
	struct letter *l = &r->letter;
	struct transaction_mail said = l->mail;
	struct rcpt **batch;
	enum transaction_end end;

	if (l->spool.size == 0)
		return err_set(e, ERR_DATA, "there is no message");
	if (message_read(&l->message, &l->spool, e) == -1 || letter_edit(&r->post, l, e) == -1)
		return -1;
	if (l->mail.utf8_reason != NULL && said.utf8_reason == NULL)
		letter_warn(&r->post, l, "an address that isn't ASCII, and MAIL had no SMTPUTF8");
	batch = calloc(l->envelope.n, sizeof(struct rcpt *));
	if (batch == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the recipients");
	r->transaction.batch = batch;
	r->transaction.n = fill_batch(r, batch, l->envelope.n);
	session_extend(&r->upstream, &r->post.job);
	end = transaction_content(&r->upstream.smtp, &r->transaction, e);
	free(batch);
	return end == TRANSACTION_DONE ? 0 : -1;
}
