/* SPDX-License-Identifier: ISC */
/* steps.c: MAIL, RCPTs and DATA in flights, and what the answers mean. Sends no content. */
#include "steps.h"
#include "content.h"

#include <string.h>

/* Bytes of commands in one flight: one TLS record, and less than any socket's buffers. */
#define FLIGHT_MAX 12000

/* Content of more than this waits for the answers to MAIL and the RCPTs. */
#define CONTENT_AHEAD_MAX 65536

void
transaction_xtext(struct text *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s > 32 && *s < 127 && *s != '+' && *s != '=')
			text_char(out, *s);
		else
			text_printf(out, "+%c%c", "0123456789ABCDEF"[(unsigned char)*s >> 4],
				"0123456789ABCDEF"[*s & 15]);
	}
}

static int
put_mail(struct smtp *s, const struct transaction *t, struct err *e)
{
	const struct transaction_mail *mail = &t->mail;
	char line[ADDR_SIZE + 512];
	struct text out;

	if (mail->utf8_reason != NULL && (s->capabilities & SMTP_UTF8) == 0)
		return err_set(e, ERR_DATA, "%s: the server offers no SMTPUTF8, which %s needs",
			s->peer, mail->utf8_reason);
	text_fixed(&out, line, sizeof(line));
	text_printf(&out, "MAIL FROM:<%s>", t->envelope->from);
	if ((s->capabilities & SMTP_SIZE) != 0 && mail->size > 0)
		text_printf(&out, " SIZE=%llu", (unsigned long long)mail->size);
	if ((s->capabilities & SMTP_8BITMIME) != 0 && (mail->eight_bit || mail->seven_bit))
		text_puts(&out, mail->eight_bit ? " BODY=8BITMIME" : " BODY=7BIT");
	if (mail->utf8_reason != NULL)
		text_puts(&out, " SMTPUTF8");
	if ((s->capabilities & SMTP_DSN) != 0 && mail->dsn_return != NULL)
		text_printf(&out, " RET=%s", mail->dsn_return);
	if ((s->capabilities & SMTP_DSN) != 0 && mail->dsn_envid != NULL)
		text_printf(&out, " ENVID=%s", mail->dsn_envid);
	if (out.cut)
		return err_set(e, ERR_DATA, "the sender's address is too long");
	return smtp_put(s, SMTP_AT_MAIL, line, NULL, e);
}

static int
put_rcpt(struct smtp *s, const struct transaction *t, const struct rcpt *r, struct err *e)
{
	char line[5 * ADDR_SIZE];
	struct text out;

	text_fixed(&out, line, sizeof(line));
	text_printf(&out, "RCPT TO:<%s>", r->address);
	if ((s->capabilities & SMTP_DSN) != 0 && r->dsn != NULL)
		text_printf(&out, " %s", r->dsn);
	else if ((s->capabilities & SMTP_DSN) != 0 && t->mail.dsn_notify != NULL) {
		text_printf(&out, " NOTIFY=%s", t->mail.dsn_notify);
		if (t->mail.utf8_reason == NULL) {
			text_puts(&out, " ORCPT=rfc822;");
			transaction_xtext(&out, r->address);
		}
	}
	if (out.cut)
		return err_set(e, ERR_DATA, "a recipient's address is too long");
	return smtp_put(s, SMTP_AT_RCPT, line, NULL, e);
}

static int
mail_answered(struct smtp *s, const struct transaction *t, struct err *e)
{
	char what[ADDR_SIZE + 32];

	if (s->reply.code / 100 == 2)
		return 0;
	(void)text_format(what, sizeof(what), "MAIL FROM:<%s>", t->envelope->from);
	return smtp_refused(s, what, ERR_REFUSED, e);
}

int
transaction_mail(struct smtp *s, const struct transaction *t, struct err *e)
{
	if (put_mail(s, t, e) == -1 || smtp_get(s, SMTP_AT_MAIL, e) == -1)
		return -1;
	return mail_answered(s, t, e);
}

int
transaction_rcpt(struct smtp *s, const struct transaction *t, struct rcpt *r, struct err *e)
{
	char what[ADDR_SIZE + 32];

	if (put_rcpt(s, t, r, e) == -1 || smtp_get(s, SMTP_AT_RCPT, e) == -1)
		return -1;
	if (s->reply.code / 100 == 2) {
		r->fate = RCPT_TAKEN;
		return 0;
	}
	envelope_decide(r, s->reply.code >= 500 ? RCPT_REFUSED : RCPT_DEFERRED, s->reply.code,
		s->reply.words);
	(void)text_format(what, sizeof(what), "RCPT TO:<%s>", r->address);
	return smtp_refused(s, what, ERR_RCPT, e);
}

/* RFC 5321 4.5.3.1.10: 452, or from some servers 552, means that the others come next time. */
static bool
says_full(const struct smtp *s, const struct steps *st)
{
	return !st->all && st->taken > 0 && (s->reply.code == 452 || s->reply.code == 552);
}

static int
rcpt_answered(struct smtp *s, struct steps *st, struct rcpt *r, struct err *e)
{
	int code = s->reply.code;

	if (code / 100 == 2) {
		r->fate = RCPT_TAKEN;
		st->taken++;
		return 0;
	}
	if (code < 400)
		return smtp_refused(s, "RCPT", ERR_TEMP, e);
	if (says_full(s, st)) {
		st->full = true;
		r->fate = RCPT_OPEN;
		return 0;
	}
	envelope_decide(r, code >= 500 ? RCPT_REFUSED : RCPT_DEFERRED, code, s->reply.words);
	r->by_rcpt = true;
	if (code == 421) {
		r->fate = RCPT_OPEN;
		return smtp_refused(s, "RCPT", ERR_TEMP, e);
	}
	return 0;
}

static bool
is_oversize(const struct smtp *s, const struct transaction *t)
{
	return s->size_max > 0 && t->mail.size > s->size_max;
}

struct steps
steps_first(const struct smtp *s, const struct transaction *t)
{
	/* A server that relays by address could take a chunk behind a log-in that it refused. */
	bool pipelining = (s->capabilities & SMTP_PIPELINING) != 0;
	bool chunked = (s->capabilities & SMTP_CHUNKING) != 0 && s->login[0] == '\0';

	/* RFC 3030 4.2: each chunk would have to wait for the last one's answer. */
	if (!pipelining && t->message->facts.size > CONTENT_LAST_MAX)
		chunked = false;

	return (struct steps){
		.all = t->all,
		.chunked = chunked,
		.ahead = chunked && !t->all && pipelining &&
			 t->message->facts.size <= CONTENT_AHEAD_MAX && !is_oversize(s, t),
	};
}

static int
too_early(const struct smtp *s, struct err *e)
{
	e->lost_peer = true;
	return err_set(e, ERR_TEMP, "%s: the server answered before it was asked", s->peer);
}

/* Puts what may go now: all up to the flight's size where the server pipelines, else one step. */
static int
put_steps(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	bool pipelining = (s->capabilities & SMTP_PIPELINING) != 0;
	size_t bytes = 0;

	do {
		if (st->put == 0) {
			/* An answer to what isn't asked yet must not count when it is. */
			if (st->ahead && wire_has_input(&s->wire))
				return too_early(s, e);
			if (put_mail(s, t, e) == -1)
				return -1;
		} else if (st->put <= t->n && !st->full) {
			if (put_rcpt(s, t, t->batch[st->put - 1], e) == -1)
				return -1;
		} else {
			/* "all": whether there is content to send is known when all are answered. */
			if (t->all && st->got <= t->n)
				return 0;
			st->over = true;
			return st->chunked ? 0 : smtp_put(s, SMTP_AT_DATA, "DATA", NULL, e);
		}
		/* Too large by its own announcement: that will be MAIL's answer. */
		if (st->put == 0 && is_oversize(s, t)) {
			st->put++;
			return 0;
		}
		bytes += st->put == 0 ? ADDR_SIZE : strlen(t->batch[st->put - 1]->address) + 12;
		st->put++;
	} while (pipelining && bytes < FLIGHT_MAX);
	return 0;
}

int
steps_reply(
	struct smtp *s, const struct steps *st, enum smtp_phase phase, bool is_last, struct err *e)
{
	const struct smtp_options *o = s->options;
	int64_t by = net_clock() + o->commit_timeout, all = st->opened + o->commit_timeout;

	if (!st->window)
		return smtp_get(s, phase, e);
	if (all < o->deadline)
		all = o->deadline;
	return smtp_get_by(s, SMTP_AT_END, is_last || by < all ? by : all, e);
}

int
steps_out_of_turn(const struct smtp *s, struct err *e)
{
	e->lost_peer = true;
	return err_set(e, ERR_UNKNOWN, "%s: an answer out of turn: %s", s->peer, s->reply.words);
}

/* A refused MAIL means that nothing was taken, even if all of it has gone (RFC 5321 3.3). */
static void
presume_nothing(const struct transaction *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (t->batch[i]->fate == RCPT_TAKEN)
			t->batch[i]->fate = RCPT_OPEN;
	}
}

int
steps_take(struct smtp *s, const struct transaction *t, struct steps *st, bool wait, struct err *e)
{
	struct err refusal = {.kind = ERR_NONE};
	struct smtp_reply first;
	bool closing = false;

	if (smtp_get_login(s, e) == -1)
		return -1;
	for (; st->got < st->put && !refusal.lost_peer; st->got++) {
		if (!wait && !wire_has_input(&s->wire))
			break;
		if (steps_reply(s, st, st->got == 0 ? SMTP_AT_MAIL : SMTP_AT_RCPT, false, e) == -1)
			break;
		if (st->window && s->reply.code / 100 == 3)
			return steps_out_of_turn(s, e);
		if (refusal.kind != ERR_NONE)
			continue; /* what follows a refused MAIL is its consequence */
		if (st->got == 0) {
			if (mail_answered(s, t, &refusal) == -1) {
				presume_nothing(t);
				first = s->reply;
			}
			continue;
		}
		(void)rcpt_answered(s, st, t->batch[st->got - 1], &refusal);
		if (refusal.kind == ERR_NONE)
			continue;
		first = s->reply;
		closing = closing || refusal.lost_peer;
		/* The others' answers, and the content's, may still come. */
		if (st->window)
			err_clear(&refusal);
	}
	if (refusal.kind == ERR_NONE) {
		e->lost_peer = e->lost_peer || closing;
		return e->kind == ERR_NONE ? 0 : -1;
	}
	s->reply = first; /* the log tells the cause, not its consequences */
	refusal.lost_peer = refusal.lost_peer || st->window || e->kind != ERR_NONE;
	err_clear(e);
	e->code = refusal.code;
	e->lost_peer = refusal.lost_peer;
	return err_copy(e, &refusal);
}

/* Reads DATA's answer where nobody is to get anything, so that the session can go on. */
static void
settle_data(struct smtp *s, const struct steps *st, struct err *e)
{
	struct err own = {.kind = ERR_NONE};
	const struct smtp_reply first = s->reply;

	if (!st->over || st->chunked || e->lost_peer)
		return;
	/* A 354 in spite of all: sending nothing and closing is the only safe answer. */
	if (smtp_get(s, SMTP_AT_DATA, &own) == -1 || s->reply.code < 400)
		e->lost_peer = true;
	s->reply = first;
}

int
steps_data(struct smtp *s, struct err *e)
{
	if (smtp_get(s, SMTP_AT_DATA, e) == -1)
		return -1;
	return s->reply.code == 354 ? 0 : smtp_refused(s, "DATA", ERR_REFUSED, e);
}

int
steps_introduce(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	while (!st->over) {
		if (put_steps(s, t, st, e) == -1)
			return -1;
		if (st->over && st->ahead)
			return 0;
		if (steps_take(s, t, st, true, e) == -1) {
			settle_data(s, st, e);
			return -1;
		}
		/* Everybody is answered: is there anybody, and is it everybody that must be? */
		if (!st->over && (st->got > t->n || st->full) &&
			(st->taken == 0 || (t->all && st->taken < t->n)))
			return -1;
	}
	if (st->taken == 0) {
		settle_data(s, st, e);
		return -1;
	}
	return st->chunked ? 0 : steps_data(s, e);
}
