/* SPDX-License-Identifier: ISC */
/* sendmail.c: the sendmail face: a message from standard input, or what else a flag asks. */
#include "sendmail.h"
#include "bs.h"
#include "output.h"
#include "post.h"
#include "verify.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* A caller whose text is larger than the pipe dies of SIGPIPE if we leave before its end. */
static void
drain_stdin(void)
{
	char buf[4096];
	ssize_t got;

	if (isatty(STDIN_FILENO))
		return;
	while ((got = read(STDIN_FILENO, buf, sizeof(buf))) > 0 ||
		(got == -1 && (errno == EINTR || errno == EAGAIN))) {
		if (got == -1 && errno == EAGAIN)
			(void)poll(&(struct pollfd){.fd = STDIN_FILENO, .events = POLLIN}, 1, -1);
	}
}

static int
read_message(const struct post *p, struct letter *l, struct err *e)
{
	bool dot_ends = !p->request->keep_dots && (p->profile.dot_ends || isatty(STDIN_FILENO));

	if (spool_fill(&l->spool, STDIN_FILENO, p->world->spool_folder, dot_ends, e) == -1)
		return -1;
	if (l->spool.size == 0)
		return err_set(e, ERR_DATA, "standard input is empty: there is no message");
	return message_read(&l->message, &l->spool, e);
}

/* Everything up to the verdict. *read: standard input was read to its end. */
static int
send_message(struct post *p, struct letter *l, bool *read, struct err *e)
{
	if (!flags_asks_to_send(p->request))
		return err_set(e, ERR_USAGE,
			"no recipients: name them, or use -t to take them from the header");
	if (post_open(p, l, e) == -1 || read_message(p, l, e) == -1)
		return -1;
	*read = true;
	if (letter_address(p, l, e) == -1 || letter_edit(p, l, e) == -1)
		return -1;
	/* What fails from here on can be kept as a dead letter. */
	if (profile_check(&p->profile, e) == -1 || post_ready(p, e) == -1)
		return -1;
	return submit_run(&p->job, &l->envelope, &l->message, &l->mail, &l->report, e);
}

static int
fail(const struct request *r, const struct err *e, int status)
{
	if (e->kind != ERR_NONE && !r->quiet)
		output_line("mailchute", e->text);
	return status;
}

static int
send_one(const struct world *w, const struct request *r, struct err *e)
{
	struct post p;
	struct letter l;
	struct err ignored = {.kind = ERR_NONE};
	bool read = false;
	int status;

	post_init(&p, w, r);
	letter_init(&l);
	if (e->kind == ERR_NONE)
		(void)send_message(&p, &l, &read, e);
	if (e->kind != ERR_NONE)
		letter_keep(&p, &l, e);
	/* What fails before the profile was read belongs into its log, too. */
	if (e->kind == ERR_USAGE && p.file.n == 0)
		(void)post_open(&p, &l, &ignored);
	/* A caller of -bs says nothing before he is greeted: he and we would wait for ever. */
	if (r->mode != MODE_SMTP && r->operands != NULL && (!read || p.profile.dot_ends))
		drain_stdin();
	status = post_status(&p, e);
	letter_log(&p, &l, e, status);
	letter_free(&l);
	post_close(&p);
	return fail(r, e, status);
}

/* Each name once, so that loops are told. */
static void
follow_aliases(const struct post *p, struct letter *l, struct err *e)
{
	const struct envelope_rules rules = {&p->aliases, "localhost", ""};
	struct addr_box box = {.null = false};
	size_t i;

	for (i = 0; i < p->aliases.n && e->kind == ERR_NONE; i++) {
		if (strcmp(p->aliases.list[i].name, "*") == 0 ||
			!text_format(
				box.address, sizeof(box.address), "%s", p->aliases.list[i].name))
			continue;
		(void)envelope_add(&l->envelope, &rules, &box, e);
		envelope_free(&l->envelope);
	}
}

/* newaliases: every value of every alias. */
static int
check_aliases(const struct world *w, const struct request *r)
{
	struct err e = {.kind = ERR_NONE};
	struct post p;
	struct letter l;
	int status;

	post_init(&p, w, r);
	letter_init(&l);
	if (post_open(&p, &l, &e) == 0 && aliases_check(&p.aliases, &e) == 0)
		follow_aliases(&p, &l, &e);
	status = post_status(&p, &e);
	letter_free(&l);
	post_close(&p);
	return fail(r, &e, status);
}

static int
say(const char *text)
{
	return output_text(text) == 0 ? 0 : err_status(ERR_SYSTEM, 0);
}

static int
run_mode(const struct world *w, const struct request *r, struct err *e)
{
	if ((r->version || r->help) && !flags_asks_to_send(r))
		return say(r->version ? OUTPUT_VERSION : OUTPUT_HELP);
	switch (e->kind == ERR_NONE ? r->mode : MODE_SEND) {
	case MODE_SEND:
		break;
	case MODE_SMTP:
		return bs_run(w, r);
	case MODE_VERIFY:
		return verify_run(w, r);
	case MODE_QUEUE:
		return say("Mail queue is empty\n");
	case MODE_COUNT:
		return say("0\n");
	case MODE_ALIASES:
		return check_aliases(w, r);
	case MODE_NOTHING:
		return 0;
	case MODE_DAEMON:
		(void)err_set(e, ERR_USAGE,
			"no daemon mode: each message is sent while its caller waits");
		return fail(r, e, err_status(ERR_USAGE, 0));
	case MODE_TEST:
		drain_stdin();
		(void)err_set(
			e, ERR_USAGE, "no such mode: see mailchute show, and mailchute --help");
		return fail(r, e, err_status(ERR_USAGE, 0));
	}
	return send_one(w, r, e);
}

int
sendmail_run(const char *name, int argc, char *const argv[], const struct world *w)
{
	struct request r;
	struct err e = {.kind = ERR_NONE};
	int status;

	(void)flags_parse(&r, name, argc, argv, &e);
	status = run_mode(w, &r, &e);
	flags_clear(&r);
	return status;
}
