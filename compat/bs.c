/* SPDX-License-Identifier: ISC */
/* bs.c: sendmail -bs: SMTP on standard input and output, the server's live answers behind it. */
#include "bs.h"
#include "dialogue.h"
#include "relay.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD_COMMANDS_MAX 1000

/* A caller's session. */
struct bs {
	struct dialogue dialogue;
	struct relay relay;
	struct err failure; /* why the message under way can't go on; what RSET repeats */
	bool in_mail;       /* MAIL was taken, by the server too */
	bool over;
	bool quit;  /* he said QUIT, and heard all that came before */
	int signal; /* ended the commit window, and ends us; 0: none */
	unsigned bad;
};

static void
reply(struct bs *b, const char *code_and_words)
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
	reply(b, line);
}

/* A good answer, which may be a bare code. */
static void
reply_upstream(struct bs *b)
{
	const char *words = b->relay.upstream.smtp.reply.words;

	reply(b, words[3] == ' ' ? words : "250 2.0.0 Ok");
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

/* Forgets a message that was begun and not sent. */
static void
forget(struct bs *b)
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

/* "FROM:<path> parameters": the path into box, the rest returned; NULL where it is none. */
static const char *
read_path(const char *args, const char *keyword, struct addr_box *box, struct err *e)
{
	char path[DIALOGUE_LINE_MAX + 1];
	size_t n = strlen(keyword), end;

	if (!text_same_n(args, strnlen(args, n), keyword))
		return NULL;
	args += n;
	args += strspn(args, " ");
	end = strcspn(args, " ");
	/* A blank within quotes belongs to the path. */
	if (args[0] == '<' && args[1] == '"') {
		n = addr_enclosed(args + 1, strlen(args + 1));
		end = n > 0 ? 1 + n + strcspn(args + 1 + n, " ") : end;
	}
	memcpy(path, args, end);
	path[end] = '\0';
	if (addr_one(path, "the path", box, e) == -1)
		return NULL;
	return args + end;
}

/* The next "NAME=value" or "NAME" of a parameter list; false at its end. Values keep their case. */
static bool
next_parameter(const char **at, char *name, size_t name_size, char *value, size_t value_size)
{
	const char *s = *at + strspn(*at, " ");
	size_t n = strcspn(s, " "), split = strcspn(s, "= ");

	if (n == 0)
		return false;
	(void)text_format(name, name_size, "%.*s", (int)split, s);
	(void)text_format(value, value_size, "%.*s", split < n ? (int)(n - split - 1) : 0,
		s + split + (split < n));
	*at = s + n;
	return true;
}

/* MAIL's parameters (RFC 1870, 6152, 6531, 3461, 4954). NULL, or the refusal. */
static const char *
read_mail_parameters(struct bs *b, const char *args)
{
	struct transaction_mail *mail = &b->relay.letter.mail;
	char name[32], value[256];
	long long size;

	while (next_parameter(&args, name, sizeof(name), value, sizeof(value))) {
		if (text_same(name, "SIZE")) {
			size = text_number(value, 1LL << 50);
			if (size == -1)
				return "501 5.5.4 SIZE is a number";
			mail->size = (uint64_t)size;
			if (b->relay.post.profile.max_size > 0 &&
				size > b->relay.post.profile.max_size)
				return "552 5.3.4 the message is over max_size";
		} else if (text_same(name, "BODY")) {
			if (!text_same(value, "7BIT") && !text_same(value, "8BITMIME"))
				return "501 5.5.4 BODY is 7BIT or 8BITMIME";
		} else if (text_same(name, "SMTPUTF8"))
			mail->utf8_reason = "the caller's SMTPUTF8";
		else if (text_same(name, "RET")) {
			if (!text_same(value, "FULL") && !text_same(value, "HDRS"))
				return "501 5.5.4 RET is FULL or HDRS";
			mail->dsn_return = text_same(value, "FULL") ? "FULL" : "HDRS";
		} else if (text_same(name, "ENVID") &&
			   text_format(b->relay.letter.envid, sizeof(b->relay.letter.envid), "%s",
				   value))
			mail->dsn_envid = b->relay.letter.envid;
		else if (!text_same(name, "AUTH"))
			return "555 5.5.4 this parameter isn't known here";
	}
	return NULL;
}

static void
do_mail(struct bs *b, const char *args)
{
	struct addr_box box;
	struct err e = {.kind = ERR_NONE};
	const char *rest, *refusal;

	if (b->in_mail) {
		reply(b, "503 5.5.1 a message is under way: RSET first");
		return;
	}
	rest = read_path(args, "FROM:", &box, &e);
	if (rest == NULL) {
		reply(b, e.kind != ERR_NONE ? "501 5.1.7 the sender is no address"
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
	refusal = read_mail_parameters(b, rest);
	if (refusal != NULL) {
		reply(b, refusal);
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
			reply(b, "553 5.6.7 the server offers no SMTPUTF8");
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

/* RCPT's parameters, for the server as they are (RFC 3461 4.1, 4.2). NULL, or the refusal. */
static const char *
read_rcpt_parameters(const char *args, struct text *dsn)
{
	char name[32], value[1024];

	while (next_parameter(&args, name, sizeof(name), value, sizeof(value))) {
		if (text_same(name, "NOTIFY") ? !profile_is_notify(value)
					      : !text_same(name, "ORCPT"))
			return "555 5.5.4 this parameter isn't known here";
		text_printf(dsn, "%s%s=", dsn->len > 0 ? " " : "", name);
		text_puts(dsn, value);
	}
	return dsn->cut ? "501 5.5.4 the parameters are too long" : NULL;
}

static void
do_rcpt(struct bs *b, const char *args)
{
	struct envelope *env = &b->relay.letter.envelope;
	struct addr_box box;
	struct err e = {.kind = ERR_NONE};
	struct text dsn;
	char dsn_buf[1200];
	const char *rest, *refusal;
	size_t before = env->n;

	if (!b->in_mail) {
		reply(b, "503 5.5.1 MAIL first");
		return;
	}
	rest = read_path(args, "TO:", &box, &e);
	text_fixed(&dsn, dsn_buf, sizeof(dsn_buf));
	if (rest == NULL || box.null) {
		reply(b, e.kind != ERR_NONE || rest != NULL
				 ? "501 5.1.3 the recipient is no address"
				 : "501 5.5.2 RCPT TO:<address> is wanted");
		return;
	}
	refusal = read_rcpt_parameters(rest, &dsn);
	if (refusal == NULL && box.eight_bit && b->relay.letter.mail.utf8_reason == NULL)
		refusal = "553 5.6.7 this address needs SMTPUTF8 at MAIL";
	if (refusal == NULL &&
		envelope_count(env, RCPT_TAKEN) >= (size_t)b->relay.post.profile.max_recipients)
		refusal = "452 4.5.3 too many recipients";
	if (refusal != NULL) {
		reply(b, refusal);
		return;
	}
	if (letter_add_list(&b->relay.post, &b->relay.letter, box.address, strlen(box.address),
		    false, &e) == 0 &&
		relay_rcpt(&b->relay, before, dsn_buf, &e) == 0) {
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

static void
do_data(struct bs *b, const char *args)
{
	struct letter *l = &b->relay.letter;
	struct err e = {.kind = ERR_NONE}, lost = {.kind = ERR_NONE};

	(void)args;
	if (!b->in_mail || envelope_count(&l->envelope, RCPT_TAKEN) == 0) {
		reply(b, b->in_mail ? "554 5.5.1 no recipient was taken" : "503 5.5.1 MAIL first");
		return;
	}
	reply(b, "354 end with a lone dot");
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
			if (b->relay.upstream.net.fault.kind == NET_SIGNAL) {
				b->signal = b->relay.upstream.net.fault.number;
				b->over = true;
			}
		}
		letter_keep(&b->relay.post, l, &e);
		fail(b, &e);
	}
}

static const char *
own_name(const struct bs *b)
{
	const char *name = b->relay.post.world->host_name;

	return name[0] != '\0' ? name : "localhost";
}

static void
do_helo(struct bs *b, const char *args)
{
	(void)args;
	forget(b);
	dialogue_reply(&b->dialogue, "250", false, own_name(b));
}

static void
do_ehlo(struct bs *b, const char *args)
{
	static const char *const extensions[] = {
		"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"};
	struct err ignored = {.kind = ERR_NONE};
	char size[32];
	size_t i;

	(void)args;
	forget(b);
	(void)relay_open(
		&b->relay, &ignored); /* for max_size; what is wrong with it is MAIL's to tell */
	dialogue_reply(&b->dialogue, "250", true, own_name(b));
	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
		dialogue_reply(&b->dialogue, "250", true, extensions[i]);
	if (b->relay.post.profile.max_size > 0)
		(void)text_format(size, sizeof(size), "SIZE %d", b->relay.post.profile.max_size);
	else
		(void)text_format(size, sizeof(size), "SIZE");
	dialogue_reply(&b->dialogue, "250", false, size);
}

/* Some callers show the answer to this, not that to the command which failed. */
static void
do_rset(struct bs *b, const char *args)
{
	char words[ERR_TEXT_SIZE];

	(void)args;
	forget(b);
	if (b->failure.kind == ERR_NONE)
		reply(b, "250 2.0.0 Ok");
	else {
		(void)text_format(
			words, sizeof(words), "250 2.0.0 Ok (it failed: %s)", b->failure.text);
		reply(b, words);
	}
	err_clear(&b->failure);
}

static void
do_quit(struct bs *b, const char *args)
{
	(void)args;
	forget(b);
	b->quit = dialogue_flush(&b->dialogue);
	reply(b, "221 2.0.0 Bye");
	b->over = true;
}

static void
do_noop(struct bs *b, const char *args)
{
	(void)args;
	reply(b, "250 2.0.0 Ok");
}

static void
do_help(struct bs *b, const char *args)
{
	(void)args;
	reply(b, "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
}

static void
do_vrfy(struct bs *b, const char *args)
{
	(void)args;
	reply(b, "252 2.5.2 send to it, and the server will say");
}

static void
do_refused(struct bs *b, const char *args)
{
	(void)args;
	reply(b, "502 5.5.1 not here: the profile says how it is sent");
}

static const struct {
	char verb[12];
	void (*run)(struct bs *b, const char *args);
} verbs[] = {
	{"MAIL",     do_mail   },
	{"RCPT",     do_rcpt   },
	{"DATA",     do_data   },
	{"HELO",     do_helo   },
	{"EHLO",     do_ehlo   },
	{"RSET",     do_rset   },
	{"NOOP",     do_noop   },
	{"QUIT",     do_quit   },
	{"HELP",     do_help   },
	{"VRFY",     do_vrfy   },
	{"EXPN",     do_vrfy   },
	{"AUTH",     do_refused},
	{"STARTTLS", do_refused},
	{"BDAT",     do_refused},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void
bad_command(struct bs *b, const char *words)
{
	if (++b->bad <= BAD_COMMANDS_MAX) {
		reply(b, words);
		return;
	}
	forget(b);
	reply(b, "421 4.7.0 too many bad commands");
	b->over = true;
}

static void
run_command(struct bs *b, const char *line)
{
	size_t n = strcspn(line, " "), i;

	for (i = 0; i < VERBS && !text_same_n(line, n, verbs[i].verb);)
		i++;
	if (i == VERBS)
		bad_command(b, "500 5.5.2 this command isn't known here");
	else
		verbs[i].run(b, line + n + strspn(line + n, " "));
}

static void
talk(struct bs *b)
{
	char line[DIALOGUE_LINE_MAX + 1], hello[300];

	(void)text_format(hello, sizeof(hello), "220 %s ESMTP mailchute", own_name(b));
	reply(b, hello);
	while (!b->over) {
		switch (dialogue_line(&b->dialogue, line)) {
		case DIALOGUE_LINE:
			run_command(b, line);
			break;
		case DIALOGUE_TOO_LONG:
			bad_command(b, "500 5.5.2 the line is too long");
			break;
		case DIALOGUE_NUL:
			bad_command(b, "500 5.5.2 a NUL is in the line");
			break;
		case DIALOGUE_END:
			forget(b);
			b->over = true;
			break;
		}
	}
	(void)dialogue_flush(&b->dialogue);
}

int
bs_run(const struct world *w, const struct request *r)
{
	struct bs b = {.in_mail = false};

	dialogue_init(&b.dialogue, STDIN_FILENO, STDOUT_FILENO);
	net_init(&b.relay.upstream.net);
	post_init(&b.relay.post, w, r);
	letter_init(&b.relay.letter);
	talk(&b);
	session_close(&b.relay.upstream, true);
	letter_free(&b.relay.letter);
	post_close(&b.relay.post);
	if (b.signal != 0)
		(void)raise(b.signal);
	return b.dialogue.broken && !b.quit ? err_status(ERR_INPUT, 0) : 0;
}
