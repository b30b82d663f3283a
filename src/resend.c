/* SPDX-License-Identifier: ISC */
/* resend.c: mailchute resend: a dead letter once more, to those who haven't got it. */
#include "resend.h"
#include "output.h"
#include "post.h"

#include <string.h>

#define EVEN_IF_DOUBLED "--even-if-doubled"

/* One file, under way. */
struct resend {
	const char *path;
	bool even_if_doubled;
	struct dead_letter dead;
	struct post post;
	struct letter letter;
	char folder[4096]; /* of the path */
};

static int
doubt(void *ctx, struct err *e)
{
	return dead_doubt(ctx, e);
}

static int
parse(struct resend *r, int argc, char *const argv[], const struct world *w, struct err *e)
{
	const char *slash;
	int i = 2;

	r->even_if_doubled = argc > i && strcmp(argv[i], EVEN_IF_DOUBLED) == 0;
	if (r->even_if_doubled)
		i++;
	if (argc != i + 1 || argv[i][0] == '-')
		return err_set(
			e, ERR_USAGE, "resend [" EVEN_IF_DOUBLED "] FILE: one file, a dead letter");
	r->path = argv[i];
	slash = strrchr(r->path, '/');
	if (!text_format(r->folder, sizeof(r->folder), "%.*s",
		    slash == NULL ? 1 : (int)(slash - r->path) + 1, slash == NULL ? "." : r->path))
		return err_set(e, ERR_DATA, "the file's path is too long");
	/* The file names a section and recipients: its owner's choice, and nobody else's account. */
	if (w->set_id)
		return err_set(e, ERR_USAGE, "resend isn't for a set-id program");
	return 0;
}

static int
read_letter(struct resend *r, const struct world *w, struct request *request, struct err *e)
{
	struct dead_letter *d = &r->dead;
	struct letter *l = &r->letter;
	size_t unknown;

	if (dead_read(d, &l->envelope, &l->spool, r->path, w->euid, e) == -1)
		return -1;
	text_puts(&l->kept, r->path);
	unknown = dead_count(d, DEAD_UNKNOWN);
	if (unknown > 0 && !r->even_if_doubled)
		return err_set(e, ERR_USAGE,
			"%zu of %zu recipients may have it already: see mailchute(1) for how to "
			"look, "
			"then say " EVEN_IF_DOUBLED,
			unknown, l->envelope.n);
	request->utf8 = d->utf8;
	request->body = d->seven_bit ? "7BIT" : NULL;
	l->mail.dsn_return = d->ret[0] != '\0' ? d->ret : NULL;
	l->mail.dsn_envid = d->envid[0] != '\0' ? d->envid : NULL;
	l->mail.dsn_notify = d->notify[0] != '\0' ? d->notify : NULL;
	return 0;
}

/* As it was written it leaves: no field is added or changed. */
static int
send_letter(struct resend *r, struct err *e)
{
	struct err ignored = {.kind = ERR_NONE};
	struct letter *l = &r->letter;
	struct post *p = &r->post;

	if (post_open_section(p, l, r->dead.section, e) == -1)
		return -1;
	/* For the log alone. */
	(void)origin_find(&l->origin, &p->profile, p->world, NULL, &ignored);
	p->letter_folder = r->folder;
	if (message_read(&l->message, &l->spool, e) == -1 || letter_edit(p, l, e) == -1 ||
		profile_check(&p->profile, e) == -1 || post_ready(p, e) == -1)
		return -1;
	p->job.before_commit = doubt;
	p->job.ctx = &r->dead;
	return submit_run(&p->job, &l->envelope, &l->message, &l->mail, &l->report, e);
}

/* What became of it goes into the file, and the file goes where nobody is left. */
static void
settle(struct resend *r, const struct err *e)
{
	struct err own = {.kind = ERR_NONE};

	if (dead_settle(&r->dead, &own))
		(void)dead_remove(&r->dead, r->path, &own);
	if (own.kind != ERR_NONE && e->kind == ERR_NONE)
		err_add(&own, "it was sent to everybody: remove %.900s", r->path);
	if (own.kind != ERR_NONE)
		output_line("warning", own.text);
}

int
resend_run(int argc, char *const argv[], const struct world *w)
{
	struct request request = {.relay = true, .no_aliases = true};
	struct resend r = {.dead = {.fd = -1}};
	struct err e = {.kind = ERR_NONE};
	int status;

	post_init(&r.post, w, &request);
	letter_init(&r.letter);
	if (parse(&r, argc, argv, w, &e) == 0 && read_letter(&r, w, &request, &e) == 0) {
		(void)send_letter(&r, &e);
		settle(&r, &e);
		if (e.kind != ERR_NONE)
			err_add(&e, "it stays in %.900s", r.path);
	}
	status = post_status(&r.post, &e);
	if (r.letter.envelope.n > 0)
		letter_log(&r.post, &r.letter, &e, status);
	if (e.kind != ERR_NONE)
		output_line("mailchute", e.text);
	dead_close(&r.dead);
	letter_free(&r.letter);
	post_close(&r.post);
	return status;
}
