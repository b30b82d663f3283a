/* SPDX-License-Identifier: ISC */
/* sendmail.c: one message from standard input, as sendmail(8) takes it. */
#include "sendmail.h"
#include "edit.h"
#include "envelope.h"
#include "flags.h"
#include "log.h"
#include "message.h"
#include "origin.h"
#include "output.h"
#include "profile.h"
#include "secret.h"
#include "spool.h"
#include "submit.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* One message on its way. */
struct sending {
	const struct world *world;
	struct request request;
	struct profile_file file;
	struct profile profile;
	struct log log;
	struct text warnings; /* for the log line */
	struct text password;
	char password_buf[8192];
	struct spool spool;
	struct message message;
	struct envelope envelope;
	struct origin origin;
	struct edit_notes notes;
	struct submit_report report;
	bool stdin_read;
	int64_t began; /* ms */
};

static void
warn(struct sending *s, const char *words)
{
	text_printf(&s->warnings, "%s%s", s->warnings.len > 0 ? "; " : "", words);
	if (s->request.verbose > 0)
		output_line("warning", words);
}

static void
show_dialogue(void *ctx, const char *who, const char *text)
{
	(void)ctx;
	output_line(who, text);
}

/* A caller whose text is larger than the pipe dies of SIGPIPE if we leave before its end. */
static void
drain_stdin(const struct sending *s)
{
	char buf[4096];
	ssize_t got;

	if (s->stdin_read || isatty(STDIN_FILENO))
		return;
	do
		got = read(STDIN_FILENO, buf, sizeof(buf));
	while (got > 0 || (got == -1 && errno == EINTR));
}

static int
open_profile(struct sending *s, struct err *e)
{
	struct err log_error = {.kind = ERR_NONE};

	if (profile_open(&s->file, s->world, e) == -1 ||
		profile_choose(&s->profile, &s->file, s->world, s->request.section, e) == -1)
		return -1;
	log_close(&s->log);
	log_open(&s->log, s->profile.log, &log_error);
	if (log_error.kind != ERR_NONE)
		warn(s, log_error.text);
	return 0;
}

static int
read_message(struct sending *s, struct err *e)
{
	if (spool_fill(&s->spool, STDIN_FILENO, s->world->spool_folder, e) == -1)
		return -1;
	s->stdin_read = true;
	if (s->spool.size == 0)
		return err_set(e, ERR_DATA, "standard input is empty: there is no message");
	return message_read(&s->message, &s->spool, e);
}

static int
add_list(struct sending *s, const char *text, size_t n, bool folded, struct err *e)
{
	const struct envelope_rules rules = {&s->file, s->origin.domain, s->world->host_name};
	struct addr_list l;
	struct addr_box box;
	int got;

	addr_open(&l, text, n, folded);
	while ((got = addr_next(&l, &box, e)) == 1) {
		if (envelope_add(&s->envelope, &rules, &box, e) == -1)
			return -1;
	}
	return got;
}

/* -t: To, Cc, Bcc; where any Resent- field stands, those of the resending instead. */
static int
add_from_header(struct sending *s, struct err *e)
{
	const struct message *m = &s->message;
	unsigned resent = 0;
	size_t i;

	for (i = 0; i < m->n; i++)
		resent |= m->fields[i].traits & FIELD_RESENT;
	for (i = 0; i < m->n; i++) {
		const struct message_field *f = &m->fields[i];

		if ((f->traits & FIELD_RECIPIENTS) == 0 || (f->traits & FIELD_RESENT) != resent)
			continue;
		if (add_list(s, m->header.at + f->body, f->end - f->body, true, e) == -1)
			return -1;
	}
	return 0;
}

static int
find_recipients(struct sending *s, struct err *e)
{
	size_t i;

	if (s->request.from_header && add_from_header(s, e) == -1)
		return -1;
	for (i = 0; i < s->request.n; i++) {
		const char *operand = s->request.operands[i];

		if (add_list(s, operand, strlen(operand), false, e) == -1)
			return -1;
	}
	if (s->envelope.n == 0)
		return err_set(e, ERR_USAGE, s->request.from_header
			? "no recipient in To, Cc and Bcc, and none on the command line"
			: "no recipients: name them, or use -t to take them from the header");
	return envelope_unique(&s->envelope, e);
}

static int
edit(struct sending *s, struct err *e)
{
	const char *name = s->request.full_name;
	struct edit_rules rules = {.domain = s->origin.domain, .from = s->origin.header_from,
		.now = time(NULL)};
	size_t i;

	for (i = 0; name != NULL && name[i] != '\0'; i++) {
		if (text_is_control(name[i]))
			return err_set(e, ERR_DATA, "-F: a control character can't stand in a name");
	}
	if (name == NULL)
		name = s->world->full_name(s->world);
	if (name[0] == '\0' && s->request.full_name == NULL)
		name = s->world->login(s->world);
	rules.full_name = name;
	if (getrandom(rules.random, sizeof(rules.random), 0) != (ssize_t)sizeof(rules.random))
		return err_errno(e, ERR_SYSTEM, "no random bytes from the kernel");
	if (edit_message(&s->message, &rules, &s->notes, e) == -1 ||
		message_count(&s->message, e) == -1)
		return -1;
	if (s->message.facts.nul || s->message.nul)
		warn(s, "NUL bytes were dropped");
	if (s->message.facts.longest > 998)
		warn(s, "a line is over 998 bytes");
	if (s->notes.odd_addresses)
		warn(s, "an address field can't be read and was left as it is");
	return 0;
}

static int
submit(struct sending *s, struct err *e)
{
	const char *utf8 = envelope_eight_bit(&s->envelope);
	struct submit_job job = {.profile = &s->profile, .world = s->world,
		.envelope = &s->envelope, .message = &s->message};

	if (utf8 == NULL && s->notes.eight_bit_address[0] != '\0')
		utf8 = s->notes.eight_bit_address;
	job.utf8_address = utf8;
	if (s->request.verbose > 0)
		job.trace.line = show_dialogue;
	if (secret_password(&s->profile, s->world, &s->password, e) == -1)
		return -1;
	job.password = s->password.at;
	return submit_run(&job, &s->report, e);
}

/* Everything up to the verdict. */
static int
send_message(struct sending *s, struct err *e)
{
	if (!s->request.from_header && s->request.n == 0)
		return err_set(e, ERR_USAGE,
			"no recipients: name them, or use -t to take them from the header");
	if (open_profile(s, e) == -1 || read_message(s, e) == -1)
		return -1;
	if (origin_find(&s->origin, &s->profile, s->world, s->request.sender, e) == -1)
		return -1;
	memcpy(s->envelope.from, s->origin.sender, sizeof(s->envelope.from));
	if (find_recipients(s, e) == -1 || edit(s, e) == -1)
		return -1;
	return submit(s, e);
}

/* The recipients, or those without the message with the server's words for each. */
static void
log_recipients(const struct sending *s, struct text *line, bool refused)
{
	struct text list;
	size_t i;

	text_heap(&list, (size_t)64 * 1024 * 1024);
	for (i = 0; i < s->envelope.n; i++) {
		const struct rcpt *r = &s->envelope.rcpts[i];

		if (refused && (r->fate == RCPT_DELIVERED || r->reply == NULL))
			continue;
		if (list.len > 0)
			text_puts(&list, refused ? "; " : ",");
		text_printf(&list, "<%s>", r->address);
		if (refused) {
			text_puts(&list, ": ");
			text_puts(&list, r->reply);
		}
	}
	if (list.len > 0 && !list.cut)
		log_field(line, refused ? "refused" : "to", list.at);
	text_free(&list);
}

static void
write_log(struct sending *s, const struct err *e, int status)
{
	struct text line;
	char words[ADDR_SIZE + 8];
	size_t unknown = envelope_count(&s->envelope, RCPT_UNKNOWN);

	text_heap(&line, (size_t)256 * 1024 * 1024);
	log_field(&line, "status", err_word(e->kind));
	log_number(&line, "exit", status);
	(void)text_format(words, sizeof(words), "<%s>", s->envelope.from);
	if (s->stdin_read)
		log_field(&line, "from", words);
	log_recipients(s, &line, false);
	if (s->notes.id[0] != '\0')
		log_field(&line, "id", s->notes.id);
	if (s->message.facts.size > 0)
		log_number(&line, "size", (long long)s->message.facts.size);
	if (s->report.peer[0] != '\0')
		log_field(&line, "host", s->report.peer);
	if (s->report.tls[0] != '\0')
		log_field(&line, "tls", s->report.tls);
	if (s->report.reply[0] != '\0')
		log_field(&line, "reply", s->report.reply);
	log_recipients(s, &line, true);
	if (unknown > 0)
		log_number(&line, "unknown", (long long)unknown);
	log_number(&line, "ms", net_clock() - s->began);
	log_number(&line, "uid", (long long)s->world->uid);
	if (s->request.ignored.len > 0)
		log_field(&line, "ignored", s->request.ignored.at);
	if (s->warnings.len > 0)
		log_field(&line, "warn", s->warnings.at);
	if (e->kind != ERR_NONE)
		log_field(&line, "error", e->text);
	log_write(&s->log, "mailchute", &line, e->kind != ERR_NONE);
	text_free(&line);
}

static void
set_up(struct sending *s, const struct world *w)
{
	struct err ignored = {.kind = ERR_NONE};

	s->world = w;
	s->file = (struct profile_file){.n = 0};
	s->profile = (struct profile){.port = 0};
	s->message = (struct message){.n = 0};
	s->report = (struct submit_report){.connections = 0};
	s->notes = (struct edit_notes){.odd_addresses = false};
	s->stdin_read = false;
	s->began = net_clock();
	text_heap(&s->warnings, 4096);
	text_fixed(&s->password, s->password_buf, sizeof(s->password_buf));
	spool_init(&s->spool);
	envelope_init(&s->envelope);
	log_open(&s->log, "syslog", &ignored);
}

static void
tear_down(struct sending *s)
{
	text_wipe(s->password_buf, sizeof(s->password_buf));
	text_free(&s->warnings);
	envelope_free(&s->envelope);
	message_close(&s->message);
	spool_close(&s->spool);
	profile_clear(&s->profile);
	profile_close(&s->file);
	flags_clear(&s->request);
	log_close(&s->log);
}

/* What doesn't read a message at all: -1 where it isn't one of these. */
static int
other_mode(struct sending *s)
{
	const struct request *r = &s->request;

	if ((r->version || r->help) && !r->from_header && r->n == 0) {
		output_text(r->version ? OUTPUT_VERSION : OUTPUT_HELP);
		return 0;
	}
	switch (r->mode) {
	case MODE_SEND:
		return -1;
	case MODE_NOTHING:
		return 0;
	case MODE_DAEMON:
		output_line("mailchute", "there is no daemon mode: each message is sent when it comes");
		return err_status(ERR_USAGE, 0);
	case MODE_SMTP:
	case MODE_VERIFY:
	case MODE_QUEUE:
	case MODE_ALIASES:
	case MODE_TEST:
		break;
	}
	output_line("mailchute", "this mode isn't there; see mailchute --help");
	drain_stdin(s);
	return err_status(ERR_USAGE, 0);
}

int
sendmail_run(int argc, char *const argv[], const struct world *w)
{
	struct sending s;
	struct err e = {.kind = ERR_NONE};
	int status;

	set_up(&s, w);
	if (flags_parse(&s.request, argc, argv, &e) == 0) {
		status = other_mode(&s);
		if (status != -1) {
			tear_down(&s);
			return status;
		}
		(void)send_message(&s, &e);
	}
	drain_stdin(&s);
	status = err_status(e.kind, s.profile.tempfail_exit > 0 ? s.profile.tempfail_exit : 69);
	write_log(&s, &e, status);
	if (e.kind != ERR_NONE && !s.request.quiet)
		output_line("mailchute", e.text);
	tear_down(&s);
	return status;
}
