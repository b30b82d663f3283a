/* SPDX-License-Identifier: ISC */
/* transaction.c: one message to some recipients over a session, and what became of each. */
#include "transaction.h"
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

/*
 * The steps up to the content: 0 is MAIL, then a step for each recipient, then DATA, where the
 * content doesn't come in chunks.
 */
struct steps {
	size_t put, got; /* how many were put, how many answered */
	size_t taken;    /* recipients with 2yz */
	bool all;        /* every recipient must be taken */
	bool full;       /* "too many recipients": the rest in the next transaction */
	bool over;       /* the next is the content */
	bool chunked;    /* by BDAT */
	bool ahead;      /* the content goes before the last flight is answered */
	bool window;     /* the end of the message went out: what is lost now is lost in doubt */
	int64_t opened;  /* .. at this time */
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

/*
 * One reply; within the window its loss leaves the outcome unknown. is_last: it answers the content.
 * The others have the run's deadline together, so that many of them can't hold us for ever, or what
 * the content's answer may take, if that is longer.
 */
static int
get_reply(
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

/* An answer that is neither yes nor no, where the content has gone already. */
static int
out_of_turn(const struct smtp *s, struct err *e)
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

/* Reads the answers to what was put, but DATA's and BDAT's; waiting or only what is there. */
static int
take_steps(struct smtp *s, const struct transaction *t, struct steps *st, bool wait, struct err *e)
{
	struct err refusal = {.kind = ERR_NONE};
	struct smtp_reply first;
	bool closing = false;

	if (smtp_get_login(s, e) == -1)
		return -1;
	for (; st->got < st->put && !refusal.lost_peer; st->got++) {
		if (!wait && !wire_has_input(&s->wire))
			break;
		if (get_reply(s, st, st->got == 0 ? SMTP_AT_MAIL : SMTP_AT_RCPT, false, e) == -1)
			break;
		if (st->window && s->reply.code / 100 == 3)
			return out_of_turn(s, e);
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

static int
get_steps(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	return take_steps(s, t, st, true, e);
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
	while (!st->over) {
		if (put_steps(s, t, st, e) == -1)
			return -1;
		if (st->over && st->ahead)
			return 0;
		if (get_steps(s, t, st, e) == -1) {
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
	return st->chunked ? 0 : data_answered(s, e);
}

static int
before_window(struct smtp *s, const struct transaction *t, struct err *e)
{
	if ((s->net->signal_fd != -1 || net_hold_signals(s->net, e) == 0) &&
		(t->before_commit == NULL || t->before_commit(t->ctx, e) == 0))
		return 0;
	/* What waits to be sent may be all of the message, and a close would send it. */
	s->net->mute = true;
	e->lost_peer = true;
	return -1;
}

/* The last record into the kernel's hands: from here on it is the commit window. */
static int
open_window(struct smtp *s, struct err *e)
{
	uint64_t before = s->net->sent;

	if (wire_flush(&s->wire, smtp_deadline(s)) == 0)
		return 0;
	/* What is left of it mustn't go later, by a close or while answers are read. */
	s->net->mute = true;
	/* All before this record was taken; if anything of it was, who knows how much. */
	if (s->net->sent != before)
		return smtp_lost(s, SMTP_AT_END, ERR_UNKNOWN, e);
	return smtp_lost(s, SMTP_AT_CONTENT, ERR_TEMP, e);
}

/* What the answer to the end of the message means. */
static int
end_answered(struct smtp *s, struct err *e)
{
	if (s->reply.code / 100 == 2)
		return 0;
	if (s->reply.code < 400) {
		e->lost_peer = true;
		return err_set(e, ERR_UNKNOWN, "%s: the end of the message was answered by %s",
			s->peer, s->reply.words);
	}
	return smtp_refused(s, "the message", ERR_REFUSED, e);
}

/* The final dot, in a record of its own, and its answer: the commit window. */
static int
commit(struct smtp *s, const struct transaction *t, struct err *e)
{
	const struct steps window = {.window = true};

	if (before_window(s, t, e) == -1)
		return -1;
	s->unanswered++;
	if (wire_write(&s->wire, ".\r\n", 3, smtp_deadline(s)) == -1) {
		s->net->mute = true;
		return smtp_lost(s, SMTP_AT_CONTENT, ERR_TEMP, e);
	}
	if (open_window(s, e) == -1 || get_reply(s, &window, SMTP_AT_END, true, e) == -1)
		return -1;
	return end_answered(s, e);
}

/*
 * The answers to the chunks. Where nobody was taken they have to be refusals, too: a server that
 * takes the content of nobody's message is out of step, and the session ends.
 */
static int
get_chunks(struct smtp *s, struct content *c, struct steps *st, struct err *e)
{
	struct err part = {.kind = ERR_NONE}, end = {.kind = ERR_NONE};
	struct smtp_reply first;

	/* A 421 was among the refusals of all RCPTs: of the content there may be no more word. */
	if (st->taken == 0 && e->lost_peer)
		return -1;
	for (; c->answered < c->chunks; c->answered++) {
		if (get_reply(s, st, SMTP_AT_END, c->answered + 1 == c->chunks, e) == -1)
			break;
		if (c->answered + 1 == c->chunks)
			(void)end_answered(s, &end);
		else if (s->reply.code / 100 != 2 && part.kind == ERR_NONE) {
			(void)smtp_refused(s, "the message", ERR_REFUSED, &part);
			first = s->reply;
		}
	}
	if (part.kind != ERR_NONE && end.kind != ERR_NONE)
		s->reply = first;
	/* Lost, but what was read is enough to know that nothing was taken. */
	if (e->kind != ERR_NONE && (st->taken == 0 || part.kind != ERR_NONE)) {
		err_clear(e);
		e->lost_peer = true;
		part.lost_peer = true;
		end.lost_peer = true;
	}
	if (st->taken == 0) {
		e->lost_peer = e->lost_peer || end.lost_peer || end.kind == ERR_NONE;
		return -1;
	}
	if (e->kind != ERR_NONE)
		return -1;
	if (part.kind == ERR_NONE && end.kind == ERR_NONE)
		return 0;
	/* A part refused and the end taken: nobody knows what the server has now. */
	if (part.kind != ERR_NONE && end.kind == ERR_NONE && c->answered == c->chunks)
		return out_of_turn(s, e);
	e->code = part.kind != ERR_NONE ? part.code : end.code;
	e->lost_peer = e->lost_peer || part.lost_peer || end.lost_peer;
	return err_copy(e, part.kind != ERR_NONE ? &part : &end);
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

/* What the early replies are read with. */
struct early {
	struct smtp *s;
	const struct transaction *t;
	struct steps *st;
};

/*
 * All but the last chunk has gone: what has come by now answers MAIL, the RCPTs and the chunks, in
 * this order. -1: a refusal that makes the rest useless (e tells, or the fates do where nobody was
 * taken), or more answers than questions.
 */
static int
take_early(void *ctx, struct content *c, struct err *e)
{
	const struct early *early = ctx;
	struct steps *st = early->st;

	if (take_steps(early->s, early->t, st, false, e) == -1)
		return -1;
	if (st->got < st->put)
		return 0;
	return st->taken == 0 ? -1 : content_take_replies(early->s, c, e);
}

/* Before the window: what was said to MAIL, RCPT and the content is a better reason than the line. */
static void
prefer_answers(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	struct err said = {.kind = ERR_NONE};

	if (!st->ahead || e->kind != ERR_TEMP || e->code != 0)
		return;
	if (get_steps(s, t, st, &said) == 0 && st->taken > 0 &&
		smtp_get(s, SMTP_AT_CONTENT, &said) == 0 && s->reply.code >= 400)
		(void)smtp_refused(s, "the message", ERR_REFUSED, &said);
	/* Everybody was refused: their fates tell. */
	if (st->got == st->put && st->taken == 0 && said.kind == ERR_NONE)
		err_clear(e);
	if (said.code != 0) {
		err_clear(e);
		e->code = said.code;
		(void)err_copy(e, &said);
	}
	e->lost_peer = true;
}

/* Those whose RCPT is in flight when the window opens may be taken, for all we know. */
static void
presume_taken(const struct transaction *t, const struct steps *st)
{
	size_t i;

	for (i = st->got > 0 ? st->got : 1; i < st->put; i++) {
		if (t->batch[i - 1]->fate == RCPT_OPEN)
			t->batch[i - 1]->fate = RCPT_TAKEN;
	}
}

/* All of the content by BDAT, and the answers to whatever is in flight then. */
static int
send_chunked(struct smtp *s, const struct transaction *t, struct steps *st, struct err *e)
{
	struct early early = {s, t, st};
	struct content c = {.size = t->message->facts.size, .ctx = &early};

	if (st->ahead)
		c.early = take_early;
	if (content_send_chunks(s, t->message, &c, e) == -1) {
		prefer_answers(s, t, st, e);
		return -1;
	}
	if (before_window(s, t, e) == -1)
		return -1;
	if (open_window(s, e) == -1) {
		if (e->kind == ERR_UNKNOWN)
			presume_taken(t, st);
		prefer_answers(s, t, st, e);
		return -1;
	}
	presume_taken(t, st);
	st->window = true;
	st->opened = net_clock();
	if (get_steps(s, t, st, e) == -1)
		return -1;
	return get_chunks(s, &c, st, e);
}

static enum transaction_end
finish(struct smtp *s, struct transaction *t, struct steps *st, struct err *e)
{
	int result;

	if (st->chunked)
		result = send_chunked(s, t, st, e);
	else
		result = content_send(s, t->message, e) == -1 ? -1 : commit(s, t, e);
	if (result == 0) {
		decide_taken(t, RCPT_DELIVERED, s->reply.code, s->reply.words);
		return TRANSACTION_DONE;
	}
	if (e->kind == ERR_NONE)
		return TRANSACTION_NOBODY;
	decide_by_error(s, t, e);
	return TRANSACTION_FAILED;
}

static struct steps
first_step(const struct smtp *s, const struct transaction *t)
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

enum transaction_end
transaction_content(struct smtp *s, struct transaction *t, struct err *e)
{
	struct steps st = first_step(s, t);
	size_t i;

	/* MAIL and all RCPTs are answered. */
	st.ahead = false;
	for (i = 0; i < t->n; i++)
		st.taken += t->batch[i]->fate == RCPT_TAKEN;
	if (st.chunked ||
		(smtp_put(s, SMTP_AT_DATA, "DATA", NULL, e) == 0 && data_answered(s, e) == 0))
		return finish(s, t, &st, e);
	decide_by_error(s, t, e);
	return TRANSACTION_FAILED;
}

enum transaction_end
transaction_run(struct smtp *s, struct transaction *t, struct err *e)
{
	struct steps st = first_step(s, t);

	if (introduce(s, t, &st, e) == 0)
		return finish(s, t, &st, e);
	decide_by_error(s, t, e);
	return e->kind == ERR_NONE ? TRANSACTION_NOBODY : TRANSACTION_FAILED;
}
