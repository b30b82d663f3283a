/* SPDX-License-Identifier: ISC */
/* transaction.c: the content, the commit window, and what became of each recipient. */
#include "content.h"
#include "steps.h"

#include <string.h>

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
	if (open_window(s, e) == -1 || steps_reply(s, &window, SMTP_AT_END, true, e) == -1)
		return -1;
	return end_answered(s, e);
}

/* More answers than questions, as far as the record has them. 421 is the server's farewell. */
static bool
has_more_to_say(const struct smtp *s)
{
	size_t n;
	const unsigned char *in = s->wire.ops->input(s->wire.ctx, &n);

	return n > 0 && memcmp(in, "421", n < 3 ? n : 3) != 0;
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
		if (steps_reply(s, st, SMTP_AT_END, c->answered + 1 == c->chunks, e) == -1)
			break;
		if (c->answered + 1 == c->chunks)
			(void)end_answered(s, &end);
		else if (s->reply.code / 100 != 2 && part.kind == ERR_NONE) {
			(void)smtp_refused(s, "the message", ERR_REFUSED, &part);
			first = s->reply;
		}
	}
	/* What is lost has left no words behind. */
	if (part.kind != ERR_NONE && (end.kind != ERR_NONE || e->kind != ERR_NONE))
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
	/* In one flight the answers are told apart by their order alone: one too many shifts it. */
	if (st->ahead && c->answered == c->chunks && has_more_to_say(s))
		return steps_out_of_turn(s, e);
	if (part.kind == ERR_NONE && end.kind == ERR_NONE)
		return 0;
	/* A part refused and the end taken: nobody knows what the server has now. */
	if (part.kind != ERR_NONE && end.kind == ERR_NONE && c->answered == c->chunks)
		return steps_out_of_turn(s, e);
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

	if (steps_take(early->s, early->t, st, false, e) == -1)
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
	if (steps_take(s, t, st, true, &said) == 0 && st->taken > 0 &&
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
	if (steps_take(s, t, st, true, e) == -1)
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

enum transaction_end
transaction_content(struct smtp *s, struct transaction *t, struct err *e)
{
	struct steps st = steps_first(s, t);
	size_t i;

	/* MAIL and all RCPTs are answered. */
	st.ahead = false;
	for (i = 0; i < t->n; i++)
		st.taken += t->batch[i]->fate == RCPT_TAKEN;
	if (st.chunked ||
		(smtp_put(s, SMTP_AT_DATA, "DATA", NULL, e) == 0 && steps_data(s, e) == 0))
		return finish(s, t, &st, e);
	decide_by_error(s, t, e);
	return TRANSACTION_FAILED;
}

enum transaction_end
transaction_run(struct smtp *s, struct transaction *t, struct err *e)
{
	struct steps st = steps_first(s, t);

	if (steps_introduce(s, t, &st, e) == 0)
		return finish(s, t, &st, e);
	decide_by_error(s, t, e);
	return e->kind == ERR_NONE ? TRANSACTION_NOBODY : TRANSACTION_FAILED;
}
