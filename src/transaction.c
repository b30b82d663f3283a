/* SPDX-License-Identifier: ISC */
/* transaction.c: one message to some recipients over a session, and what became of each. */
#include "transaction.h"

#include <string.h>

/* Bytes of commands in one flight: one TLS record, and less than any socket's buffers. */
#define FLIGHT_MAX 12000

/* One deadline for each so many bytes of content. */
#define CONTENT_STEP 65536

/* A server that has refused and closes says why within this time, or not at all. */
#define LAST_WORDS_MS 2000

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

/* The steps up to the content: 0 is MAIL, then a step for each recipient, the last is DATA. */
struct steps {
	size_t put, got; /* how many were put, how many answered */
	size_t taken;    /* recipients with 2yz */
	bool all;        /* every recipient must be taken */
	bool full;       /* "too many recipients": the rest in the next transaction */
	bool data_put;
};

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

/* Puts what may go now: all up to the flight's size where the server pipelines, else one step. */
static int
put_steps(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	bool pipelining = (s->capabilities & SMTP_PIPELINING) != 0;
	size_t bytes = 0;

	do {
		if (st->put == 0) {
			if (put_mail(s, t, e) == -1)
				return -1;
		} else if (st->put <= t->n && !st->full) {
			if (put_rcpt(s, t, t->batch[st->put - 1], e) == -1)
				return -1;
		} else {
			/* "all": whether there is content to send is known when all are answered. */
			if (t->all && st->got <= t->n)
				return 0;
			st->data_put = true;
			return smtp_put(s, SMTP_AT_DATA, "DATA", NULL, e);
		}
		bytes += st->put == 0 ? ADDR_SIZE : strlen(t->batch[st->put - 1]->address) + 12;
		st->put++;
	} while (pipelining && bytes < FLIGHT_MAX);
	return 0;
}

/* Reads the answers to what was put, but DATA's. */
static int
get_steps(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	struct err refusal = {.kind = ERR_NONE};

	for (; st->got < st->put; st->got++) {
		if (smtp_get(s, st->got == 0 ? SMTP_AT_MAIL : SMTP_AT_RCPT, e) == -1)
			return -1;
		if (refusal.kind != ERR_NONE)
			continue; /* what follows a refused MAIL is its consequence */
		if (st->got == 0)
			(void)mail_answered(s, t, &refusal);
		else
			(void)rcpt_answered(s, st, t->batch[st->got - 1], &refusal);
		if (refusal.lost_peer)
			break;
	}
	if (refusal.kind == ERR_NONE)
		return 0;
	e->lost_peer = refusal.lost_peer;
	e->code = refusal.code;
	return err_copy(e, &refusal);
}

/* Reads DATA's answer where nobody is to get anything, so that the session can go on. */
static void
settle_data(struct smtp *s, struct steps *st, struct err *e)
{
	struct err own = {.kind = ERR_NONE};

	if (!st->data_put || e->lost_peer)
		return;
	/* A 354 in spite of all: sending nothing and closing is the only safe answer. */
	if (smtp_get(s, SMTP_AT_DATA, &own) == -1 || s->reply.code < 400)
		e->lost_peer = true;
}

static int
data_answered(struct smtp *s, struct err *e)
{
	if (smtp_get(s, SMTP_AT_DATA, e) == -1)
		return -1;
	return s->reply.code == 354 ? 0 : smtp_refused(s, "DATA", ERR_REFUSED, e);
}

/* MAIL, RCPTs and DATA. 0: content may follow; -1: e says why not, or nobody was taken. */
static int
introduce(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	while (!st->data_put) {
		if (put_steps(s, t, st, e) == -1)
			return -1;
		if (get_steps(s, t, st, e) == -1) {
			settle_data(s, st, e);
			return -1;
		}
		/* Everybody is answered: is there anybody, and is it everybody that must be? */
		if (!st->data_put && (st->got > t->n || st->full) &&
			(st->taken == 0 || (t->all && st->taken < t->n)))
			return -1;
	}
	if (st->taken == 0) {
		settle_data(s, st, e);
		return -1;
	}
	return data_answered(s, e);
}

/* Where content goes: the stream's own memory. */
struct content_sink {
	struct smtp *s;
	size_t since; /* bytes since the deadline was set */
	int64_t deadline;
	bool failed;
};

static char *
content_room(void *ctx, size_t *n)
{
	struct content_sink *sink = ctx;
	char *at = wire_room(&sink->s->wire, DOT_ROOM, n, sink->deadline);

	if (at == NULL)
		sink->failed = true;
	return at;
}

static void
content_put(void *ctx, size_t n)
{
	struct content_sink *sink = ctx;

	wire_put(&sink->s->wire, n);
	sink->since += n;
	if (sink->since >= CONTENT_STEP) {
		sink->since = 0;
		sink->deadline = smtp_deadline(sink->s);
	}
}

/* The connection broke, or the server spoke, before the end: what it says is the reason. */
static int
broken_off(struct smtp *s, struct err *e)
{
	const struct net_fault fault = s->net->fault;
	struct err own = {.kind = ERR_NONE};

	e->lost_peer = true;
	if (fault.kind != NET_TIMEOUT && fault.kind != NET_SIGNAL &&
		smtp_get_by(s, SMTP_AT_CONTENT, net_clock() + LAST_WORDS_MS, &own) == 0 &&
		s->reply.code >= 400) {
		(void)smtp_refused(s, "the message", ERR_REFUSED, e);
		e->lost_peer = true;
		return -1;
	}
	if (fault.kind != NET_FINE)
		s->net->fault = fault;
	return smtp_lost(s, SMTP_AT_CONTENT, ERR_TEMP, e);
}

/* All but the final dot, into the kernel's hands. */
static int
send_content(struct smtp *s, struct message *m, struct err *e)
{
	struct content_sink sink = {.s = s, .deadline = smtp_deadline(s)};
	struct message_sink out = {content_room, content_put, &sink};

	if (message_emit(m, true, &out, NULL, e) == -1) {
		e->lost_peer = true;
		return e->kind == ERR_NONE ? broken_off(s, e) : -1;
	}
	if (wire_flush(&s->wire, smtp_deadline(s)) == -1)
		return broken_off(s, e);
	/* An early refusal, or an end, must be seen before the dot makes it a commit. */
	if (wire_has_input(&s->wire) || s->net->fault.kind != NET_FINE)
		return broken_off(s, e);
	return 0;
}

/* The final dot, in a record of its own, and its answer: the commit window. */
static int
commit(struct smtp *s, struct err *e)
{
	int64_t deadline = smtp_deadline(s);
	uint64_t before = s->net->sent;

	if (s->net->signal_fd == -1 && net_hold_signals(s->net, e) == -1) {
		e->lost_peer = true;
		return -1;
	}
	s->unanswered++;
	if (wire_write(&s->wire, ".\r\n", 3, deadline) == -1 ||
		wire_flush(&s->wire, deadline) == -1) {
		/* All before the dot was taken; if anything of it was, who knows how much. */
		if (s->net->sent != before)
			return smtp_lost(s, SMTP_AT_END, ERR_UNKNOWN, e);
		return smtp_lost(s, SMTP_AT_CONTENT, ERR_TEMP, e);
	}
	if (smtp_get_by(s, SMTP_AT_END, net_clock() + s->options->commit_timeout, e) == -1)
		return -1;
	if (s->reply.code / 100 == 2)
		return 0;
	if (s->reply.code < 400) {
		e->lost_peer = true;
		return err_set(e, ERR_UNKNOWN, "%s: the end of the message was answered by %s",
			s->peer, s->reply.words);
	}
	return smtp_refused(s, "the message", ERR_REFUSED, e);
}

static void
decide_taken(const struct transaction *t, enum rcpt_fate fate, int code, const char *words)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (t->batch[i]->fate == RCPT_TAKEN)
			envelope_decide(t->batch[i], fate, code, words);
	}
}

/* What an error means for those whom the server had taken. */
static void
decide_by_error(const struct smtp *s, const struct transaction *t, const struct err *e)
{
	if (e->kind == ERR_UNKNOWN)
		decide_taken(t, RCPT_UNKNOWN, 0, NULL);
	else if (e->kind == ERR_REFUSED)
		decide_taken(t, RCPT_REFUSED, e->code, s->reply.words);
	else if (e->kind == ERR_TEMP && e->code != 0)
		decide_taken(t, RCPT_DEFERRED, e->code, s->reply.words);
	else
		decide_taken(t, RCPT_OPEN, 0, NULL);
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

static enum transaction_end
finish(struct smtp *s, struct transaction *t, struct err *e)
{
	if (send_content(s, t->message, e) == -1 || commit(s, e) == -1) {
		decide_by_error(s, t, e);
		return TRANSACTION_FAILED;
	}
	decide_taken(t, RCPT_DELIVERED, s->reply.code, s->reply.words);
	return TRANSACTION_DONE;
}

enum transaction_end
transaction_content(struct smtp *s, struct transaction *t, struct err *e)
{
	if (smtp_put(s, SMTP_AT_DATA, "DATA", NULL, e) == 0 && data_answered(s, e) == 0)
		return finish(s, t, e);
	decide_by_error(s, t, e);
	return TRANSACTION_FAILED;
}

enum transaction_end
transaction_run(struct smtp *s, struct transaction *t, struct err *e)
{
	struct steps st = {.all = t->all};

	if (introduce(s, t, &st, e) == 0)
		return finish(s, t, e);
	decide_by_error(s, t, e);
	return e->kind == ERR_NONE ? TRANSACTION_NOBODY : TRANSACTION_FAILED;
}
