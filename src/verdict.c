/* SPDX-License-Identifier: ISC */
/* verdict.c: what came of it all, as one sentence and its kind. Decides nothing by itself. */
#include "verdict.h"
#include "text.h"

/* What a sentence keeps free for the words of one more recipient; what the causes may take of it. */
#define LAST_WORDS 900
#define LAST_NAME  300
#define CAUSES_MAX 1800

/* Adds who did not get it and why, the first ones of them. */
static void
add_fates(struct text *out, const struct envelope *env, bool all)
{
	size_t i, more = 0;
	bool first = text_is_blank(out->at[out->len - 1]);

	for (i = 0; i < env->n; i++) {
		const struct rcpt *r = &env->rcpts[i];

		if (r->reply == NULL || r->fate == RCPT_DELIVERED || (!all && !r->by_rcpt))
			continue;
		if (out->len > ERR_TEXT_SIZE - LAST_WORDS) {
			more++;
			continue;
		}
		text_printf(out, "%s<%.200s>: %.500s", first ? "" : "; ", r->address, r->reply);
		first = false;
	}
	if (more > 0)
		text_printf(out, " and %zu more", more);
}

/* Where some have it: who else hasn't, or perhaps has, and has no words of its own in the sentence. */
static void
add_others(struct text *out, const struct envelope *env, bool all, bool unknown)
{
	const char *before = unknown ? "; perhaps to " : "; not to ";
	size_t i, more = 0;

	for (i = 0; i < env->n; i++) {
		const struct rcpt *r = &env->rcpts[i];

		if (r->fate == RCPT_DELIVERED || (r->fate == RCPT_UNKNOWN) != unknown ||
			(r->reply != NULL && (all || r->by_rcpt)))
			continue;
		if (out->len > ERR_TEXT_SIZE - LAST_NAME) {
			more++;
			continue;
		}
		text_printf(out, "%s<%.200s>", before, r->address);
		before = ", ";
	}
	if (more > 0)
		text_printf(out, "%s%zu more", before, more);
}

/* No connection failed, and yet somebody is without: the server's words to each of them decide. */
static enum err_kind
kind_by_fates(const struct envelope *env, bool all)
{
	if (all && envelope_count(env, RCPT_REFUSED) > 0)
		return ERR_RCPT;
	if (envelope_left(env) == 0)
		return ERR_RCPT;
	return envelope_count(env, RCPT_DELIVERED) > 0 ? ERR_PARTIAL : ERR_TEMP;
}

int
verdict_give(const struct envelope *env, const struct verdict_facts *facts, struct err *e)
{
	const struct err *last = facts->last;
	size_t delivered = envelope_count(env, RCPT_DELIVERED);
	bool unknown = last->kind == ERR_UNKNOWN, by_fates = last->kind == ERR_NONE;
	struct text words;
	char buf[ERR_TEXT_SIZE];

	if (delivered == env->n)
		return 0;
	text_fixed(&words, buf, sizeof(buf));
	if (delivered > 0)
		text_printf(&words, "delivered to %zu of %zu recipients; ", delivered, env->n);
	else
		text_puts(&words, unknown ? "not confirmed: " : "not sent: ");
	if (facts->rounds > 1)
		text_printf(&words, "after %u rounds: ", facts->rounds);
	if (!by_fates)
		text_printf(&words, "%.*s", CAUSES_MAX, facts->causes);
	if (unknown)
		text_puts(&words, " (the server may have accepted it, so it isn't sent again)");
	/* What RCPT was answered; the answer to the content is among the causes. */
	add_fates(&words, env, by_fates);
	if (delivered > 0) {
		add_others(&words, env, by_fates, false);
		add_others(&words, env, by_fates, true);
	}
	e->code = last->code;
	if (by_fates)
		return err_set(e, kind_by_fates(env, facts->all), "%s", buf);
	return err_set(e, delivered > 0 ? ERR_PARTIAL : last->kind, "%s", buf);
}
