/* SPDX-License-Identifier: ISC */
/* verify.c: sendmail -bv: the server is asked about each recipient. Sends no message. */
#include "verify.h"
#include "output.h"
#include "post.h"

static int
show(const char *address, const char *words)
{
	char line[2048];

	(void)text_format(line, sizeof(line), "%.400s: %s\n", address, words);
	return output_text(line);
}

/* MAIL and a RCPT each; no content follows. */
static int
ask(const struct post *p, struct letter *l, struct session *s, struct err *e)
{
	struct transaction t = {.envelope = &l->envelope,
		.mail = {.utf8_reason = envelope_eight_bit(&l->envelope)}};
	struct err refusal;
	bool written = true;
	size_t i;

	session_extend(s, &p->job);
	if (transaction_mail(&s->smtp, &t, e) == -1)
		return -1;
	for (i = 0; i < l->envelope.n; i++) {
		err_clear(&refusal);
		if (transaction_rcpt(&s->smtp, &t, &l->envelope.rcpts[i], &refusal) == -1 &&
			(refusal.lost_peer || refusal.code == 0))
			return err_copy(e, &refusal);
		if (show(l->envelope.rcpts[i].address, s->smtp.reply.words) == -1)
			written = false;
		if (refusal.kind == ERR_RCPT)
			(void)err_set(e, ERR_RCPT, "refused: <%s>: %s",
				l->envelope.rcpts[i].address, s->smtp.reply.words);
	}
	/* Nothing follows; what becomes of this doesn't change what was answered. */
	err_clear(&refusal);
	if (smtp_put(&s->smtp, SMTP_AT_RSET, "RSET", NULL, &refusal) == 0)
		(void)smtp_get(&s->smtp, SMTP_AT_RSET, &refusal);
	if (envelope_count(&l->envelope, RCPT_DEFERRED) > 0)
		return err_set(e, ERR_TEMP, "the server puts off some of the recipients");
	if (!written && e->kind == ERR_NONE)
		return err_set(e, ERR_SYSTEM, "cannot write to standard output");
	return e->kind == ERR_NONE ? 0 : -1;
}

static int
verify(struct post *p, struct letter *l, struct session *s, struct err *e)
{
	if (p->request->n == 0)
		return err_set(e, ERR_USAGE, "-bv: name the recipients to be asked about");
	if (post_open(p, l, e) == -1 || letter_address(p, l, e) == -1 ||
		profile_check(&p->profile, e) == -1 || post_ready(p, e) == -1 ||
		submit_open(s, &p->job, &l->report, e) == -1)
		return -1;
	return ask(p, l, s, e);
}

int
verify_run(const struct world *w, const struct request *r)
{
	struct post p;
	struct letter l;
	struct session session = {.is_open = false};
	struct err e = {.kind = ERR_NONE};
	int status;

	post_init(&p, w, r);
	letter_init(&l);
	(void)verify(&p, &l, &session, &e);
	session_close(&session, !e.lost_peer);
	status = post_status(&p, &e);
	/* The refusals are on stdout; what kept us from asking is not. */
	if (e.kind != ERR_NONE && e.kind != ERR_RCPT && !r->quiet)
		output_line("mailchute", e.text);
	letter_free(&l);
	post_close(&p);
	return status;
}
