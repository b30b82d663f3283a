/* SPDX-License-Identifier: ISC */
/* bs.c: sendmail -bs: SMTP on standard input and output, the server's live answers behind it. */
#include "bs.h"
#include "bs_letter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAD_COMMANDS_MAX 1000

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
	bs_forget(b);
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
	bs_forget(b);
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
	bs_forget(b);
	if (b->failure.kind == ERR_NONE)
		bs_reply(b, "250 2.0.0 Ok");
	else {
		(void)text_format(
			words, sizeof(words), "250 2.0.0 Ok (it failed: %s)", b->failure.text);
		bs_reply(b, words);
	}
	err_clear(&b->failure);
}

static void
do_quit(struct bs *b, const char *args)
{
	(void)args;
	bs_forget(b);
	b->quit = dialogue_flush(&b->dialogue);
	bs_reply(b, "221 2.0.0 Bye");
	b->over = true;
}

static void
do_noop(struct bs *b, const char *args)
{
	(void)args;
	bs_reply(b, "250 2.0.0 Ok");
}

static void
do_help(struct bs *b, const char *args)
{
	(void)args;
	bs_reply(b, "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT");
}

static void
do_vrfy(struct bs *b, const char *args)
{
	(void)args;
	bs_reply(b, "252 2.5.2 send to it, and the server will say");
}

static void
do_refused(struct bs *b, const char *args)
{
	(void)args;
	bs_reply(b, "502 5.5.1 not here: the profile says how it is sent");
}

static const struct {
	char verb[12];
	void (*run)(struct bs *b, const char *args);
} verbs[] = {
	{"MAIL",     bs_mail   },
	{"RCPT",     bs_rcpt   },
	{"DATA",     bs_data   },
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
		bs_reply(b, words);
		return;
	}
	bs_forget(b);
	bs_reply(b, "421 4.7.0 too many bad commands");
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
	bs_reply(b, hello);
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
			bs_forget(b);
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
