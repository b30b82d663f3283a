/* SPDX-License-Identifier: ISC */
/* bs_letter.c: MAIL, RCPT and DATA of -bs: a message from its beginning to each of its ends. */
#include "bs_letter.h"
#include "bs_args.h"

#include <string.h>

void
bs_reply(struct bs *b, const char *code_and_words)
{
	char code[4] = {code_and_words[0], code_and_words[1], code_and_words[2], '\0'};

	dialogue_reply(&b->dialogue, code, false, code_and_words + 4);
}

/*
 * The server's own words where it spoke, else ours with the code of their kind. A 421 is the
 * server's farewell, not ours: this session goes on.
 */
static void
reply_error(struct bs *b, const struct err *e)
{
	char line[ERR_TEXT_SIZE + 128];

	if (e->code >= 400 && e->code != 421 && b->relay.upstream.smtp.reply.words[3] == ' ')
		(void)text_format(line, sizeof(line), "%s", b->relay.upstream.smtp.reply.words);
	else
		(void)text_format(line, sizeof(line), "%s %s", err_reply(e->kind), e->text);
	bs_reply(b, line);
}

/* A good answer, which may be a bare code. */
static void
reply_upstream(struct bs *b)
{
	const char *words = b->relay.upstream.smtp.reply.words;

	bs_reply(b, words[3] == ' ' ? words : "250 2.0.0 Ok");
}

/* Ends the message under way, with its line in the log. */
static void
end_letter(struct bs *b, const struct err *e)
{
	letter_log(&b->relay.post, &b->relay.letter, e, post_status(&b->relay.post, e));
	letter_free(&b->relay.letter);
	letter_init(&b->relay.letter);
	/* What was held for the commit ends us now, if it came: the caller has his answer. */
	(void)dialogue_flush(&b->dialogue);
	net_release_signals(&b->relay.upstream.net);
	b->in_mail = false;
}

/* The message failed, and its caller was told: kept for the RSET that follows, and logged. */
static void
end_failed(struct bs *b, const struct err *e)
{
	err_clear(&b->failure);
	(void)err_copy(&b->failure, e);
	end_letter(b, e);
}

/* A refusal that ends the message. */
static void
fail(struct bs *b, const struct err *e)
{
	reply_error(b, e);
	if (e->lost_peer)
		relay_lose(&b->relay);
	else
		b->relay.dirty = b->relay.upstream.is_open;
	end_failed(b, e);
}

void
bs_forget(struct bs *b)
{
	struct err e = {.kind = ERR_NONE};

	if (!b->in_mail)
		return;
	b->relay.dirty = b->relay.upstream.is_open;
	if (b->failure.kind != ERR_NONE)
		(void)err_copy(&e, &b->failure);
	else
		(void)err_set(&e, ERR_USAGE, "the caller ended the message before its content");
	end_letter(b, &e);
}

void
bs_mail(struct bs *b, const char *args)
{
	struct addr_box box;
	struct err e = {.kind = ERR_NONE};
	const char *rest, *refusal;

	if (b->in_mail) {
		bs_reply(b, "503 5.5.1 a message is under way: RSET first");
		return;
	}
	rest = bs_read_path(args, "FROM:", &box, &e);
	if (rest == NULL) {
		bs_reply(b, e.kind != ERR_NONE ? "501 5.1.7 the sender is no address"
					       : "501 5.5.2 MAIL FROM:<address> is wanted");
		return;
	}
	err_clear(&b->failure);
	letter_free(&b->relay.letter);
	letter_init(&b->relay.letter);
	if (relay_open(&b->relay, &e) == -1 ||
		relay_make_ready(&b->relay, box.null ? "" : box.address, &e) == -1) {
		fail(b, &e);
		return;
	}
	refusal = bs_mail_parameters(&b->relay.letter, b->relay.post.profile.max_size, rest);
	if (refusal != NULL) {
		bs_reply(b, refusal);
		return;
	}
	/* Its content isn't known yet, and neither is its header. */
	b->relay.letter.mail.eight_bit = true;
	if (b->relay.letter.mail.utf8_reason == NULL && b->relay.post.request->utf8)
		b->relay.letter.mail.utf8_reason = "-U";
	if (b->relay.letter.mail.utf8_reason == NULL)
		b->relay.letter.mail.utf8_reason = envelope_eight_bit(&b->relay.letter.envelope);
	letter_dsn(&b->relay.post, &b->relay.letter);
	if (relay_mail(&b->relay, &e) == -1) {
		if (e.kind == ERR_DATA && e.code == 0 && b->relay.letter.mail.utf8_reason != NULL) {
			bs_reply(b, "553 5.6.7 the server offers no SMTPUTF8");
			relay_note_session(&b->relay);
			end_failed(b, &e);
			return;
		}
		relay_note_session(&b->relay);
		fail(b, &e);
		return;
	}
	b->in_mail = true;
	reply_upstream(b);
}

/* An alias that leads astray brings nobody: who was found before isn't asked about. */
static int
add_rcpt(struct bs *b, const struct addr_box *box, struct err *e)
{
	struct envelope *env = &b->relay.letter.envelope;
	size_t before = env->n;

	if (letter_add_list(&b->relay.post, &b->relay.letter, box->address, strlen(box->address),
		    false, e) == 0)
		return 0;
	for (; before < env->n; before++)
		env->rcpts[before].told = true;
	return -1;
}

void
bs_rcpt(struct bs *b, const char *args)
{
	struct envelope *env = &b->relay.letter.envelope;
	struct addr_box box;
	struct err e = {.kind = ERR_NONE};
	struct text dsn;
	char dsn_buf[1200];
	const char *rest, *refusal;
	size_t before = env->n;

	if (!b->in_mail) {
		bs_reply(b, "503 5.5.1 MAIL first");
		return;
	}
	rest = bs_read_path(args, "TO:", &box, &e);
	text_fixed(&dsn, dsn_buf, sizeof(dsn_buf));
	if (rest == NULL || box.null) {
		bs_reply(b, e.kind != ERR_NONE || rest != NULL
				    ? "501 5.1.3 the recipient is no address"
				    : "501 5.5.2 RCPT TO:<address> is wanted");
		return;
	}
	refusal = bs_rcpt_parameters(rest, &dsn);
	if (refusal == NULL && box.eight_bit && b->relay.letter.mail.utf8_reason == NULL)
		refusal = "553 5.6.7 this address needs SMTPUTF8 at MAIL";
	if (refusal == NULL &&
		envelope_count(env, RCPT_TAKEN) >= (size_t)b->relay.post.profile.max_recipients)
		refusal = "452 4.5.3 too many recipients";
	if (refusal != NULL) {
		bs_reply(b, refusal);
		return;
	}
	if (add_rcpt(b, &box, &e) == 0 && relay_rcpt(&b->relay, before, dsn_buf, &e) == 0) {
		reply_upstream(b);
		return;
	}
	/* The others aren't touched by it, unless the session is lost. */
	if (e.lost_peer) {
		relay_note_session(&b->relay);
		fail(b, &e);
		return;
	}
	reply_error(b, &e);
	err_clear(&b->failure);
	(void)err_copy(&b->failure, &e);
}

void
bs_data(struct bs *b, const char *args)
{
	struct letter *l = &b->relay.letter;
	struct err e = {.kind = ERR_NONE}, lost = {.kind = ERR_NONE};

	(void)args;
	if (!b->in_mail || envelope_count(&l->envelope, RCPT_TAKEN) == 0) {
		bs_reply(b,
			b->in_mail ? "554 5.5.1 no recipient was taken" : "503 5.5.1 MAIL first");
		return;
	}
	bs_reply(b, "354 end with a lone dot");
	/* Who hasn't heard the answers so far won't hear the last one either. */
	if (!dialogue_content(&b->dialogue, &l->spool, b->relay.post.world->spool_folder, &e) ||
		!dialogue_flush(&b->dialogue)) {
		/* The caller is gone: what is cut off isn't sent. */
		b->over = true;
		(void)err_set(
			&lost, ERR_INPUT, "the caller ended within the content: nothing was sent");
		session_close(&b->relay.upstream, false);
		end_letter(b, &lost);
	} else if (e.kind == ERR_NONE && relay_send(&b->relay, &e) == 0) {
		relay_note_session(&b->relay);
		(void)text_format(l->report.reply, sizeof(l->report.reply), "%s",
			b->relay.upstream.smtp.reply.words);
		reply_upstream(b);
		err_clear(&b->failure);
		/* For the log only: the caller was told when it was refused. */
		if (envelope_count(&l->envelope, RCPT_DELIVERED) < l->envelope.n)
			(void)err_set(&e,
				envelope_count(&l->envelope, RCPT_DEFERRED) > 0 ? ERR_PARTIAL
										: ERR_RCPT,
				"some recipients were refused");
		end_letter(b, &e);
	} else {
		relay_note_session(&b->relay);
		if (e.kind == ERR_UNKNOWN) {
			err_clear(&lost);
			(void)err_set(&lost, e.kind,
				"%s (the server may have accepted it, so it isn't "
				"sent again)",
				e.text);
			lost.lost_peer = true;
			e = lost;
		}
		/* Whatever is known of the message. */
		if (b->relay.upstream.net.fault.kind == NET_SIGNAL) {
			b->signal = b->relay.upstream.net.fault.number;
			b->over = true;
		}
		letter_keep(&b->relay.post, l, &e);
		fail(b, &e);
	}
}
