/* SPDX-License-Identifier: ISC */
/* letter.c: one message of a face's: its recipients, its edits, its line in the log. */
#include "output.h"
#include "post.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

void
letter_init(struct letter *l)
{
	spool_init(&l->spool);
	l->message = (struct message){.n = 0};
	envelope_init(&l->envelope);
	l->origin = (struct origin){.domain = ""};
	l->notes = (struct edit_notes){.received = 0};
	l->mail = (struct transaction_mail){.size = 0};
	l->notify[0] = l->envid[0] = '\0';
	l->report = (struct session_report){.connections = 0};
	text_heap(&l->warnings, 4096);
	l->edited = false;
	text_heap(&l->kept, 8192);
	l->began = net_clock();
}

void
letter_free(struct letter *l)
{
	text_free(&l->warnings);
	text_free(&l->kept);
	envelope_free(&l->envelope);
	message_close(&l->message);
	spool_close(&l->spool);
}

void
letter_warn(const struct post *p, struct letter *l, const char *words)
{
	text_puts(&l->warnings, l->warnings.len > 0 ? "; " : "");
	text_puts(&l->warnings, words);
	if (p->request->verbose > 0)
		output_line("warning", words);
}

int
letter_add_list(const struct post *p, struct letter *l, const char *text, size_t n, bool folded,
	struct err *e)
{
	const struct envelope_rules rules = {&p->aliases, l->origin.domain, p->world->host_name};
	struct addr_list list;
	struct addr_box box;
	int got;

	addr_open(&list, text, n, folded);
	while ((got = addr_next(&list, &box, e)) == 1) {
		if (envelope_add(&l->envelope, &rules, &box, e) == -1)
			return -1;
	}
	return got;
}

/* The name in a From of ours: -F, else the profile's, else GECOS, else the login. */
static const char *
sender_name(const struct post *p, struct err *e)
{
	const char *name = p->request->full_name;
	size_t i;

	for (i = 0; name != NULL && name[i] != '\0'; i++) {
		if (text_is_control(name[i])) {
			(void)err_set(e, ERR_DATA, "-F: a control character can't stand in a name");
			return NULL;
		}
	}
	if (name == NULL)
		name = p->profile.full_name;
	if (name == NULL)
		name = p->world->full_name(p->world);
	if (name[0] == '\0' && p->request->full_name == NULL)
		name = p->world->login(p->world);
	return name;
}

static int
edit(const struct post *p, struct letter *l, struct err *e)
{
	const struct profile *profile = &p->profile;
	const struct envelope_rules rewrite = {&p->aliases, l->origin.domain, p->world->host_name};
	struct edit_rules rules = {.domain = l->origin.domain,
		.from = l->origin.header_from,
		.now = time(NULL),
		.relay = p->request->relay,
		.no_to = p->request->no_to,
		.reply_to = profile->reply_to,
		.added = profile->add_header.item,
		.added_n = profile->add_header.n};

	rules.full_name = sender_name(p, e);
	if (rules.full_name == NULL)
		return -1;
	if (profile->from_header != FROM_KEEP) {
		rules.forced_from = l->origin.own;
		rules.from = l->origin.own;
		rules.force_foreign = profile->from_header == FROM_MATCH;
	}
	if (profile->sender_header && l->envelope.from[0] != '\0')
		rules.sender = l->envelope.from;
	if (profile->rewrite_headers)
		rules.rewrite = &rewrite;
	if (getrandom(rules.random, sizeof(rules.random), 0) != (ssize_t)sizeof(rules.random))
		return err_errno(e, ERR_SYSTEM, "no random bytes from the kernel");
	if (edit_message(&l->message, &rules, &l->notes, e) == -1)
		return -1;
	return message_count(&l->message, e);
}

static void
warn_of_content(const struct post *p, struct letter *l)
{
	if (l->message.facts.nul || l->message.nul)
		letter_warn(p, l, "NUL bytes were dropped");
	if (l->message.facts.longest > 998)
		letter_warn(p, l, "a line is over 998 bytes");
	if (l->notes.odd_addresses)
		letter_warn(p, l, "an address field can't be read and was left as it is");
}

/* -h n and the Received fields together: a message that goes round must stop. */
static int
check_hops(const struct post *p, struct letter *l, struct err *e)
{
	const char *given = p->request->hops;
	bool is_number =
		given != NULL && given[0] != '\0' && given[strspn(given, "0123456789")] == '\0';
	long long hops = is_number ? text_number(given, 1000000) : 0;

	if (is_number && hops == -1)
		hops = 1000000; /* more than anybody's limit */
	if (given != NULL && !is_number) {
		letter_warn(p, l, "-h: not a number");
		hops = 0;
	}
	if (hops + l->notes.received <= p->profile.max_hops)
		return 0;
	return err_set(e, ERR_REFUSED,
		"%lld hops, over max_hops (%d): this message goes round in a loop",
		hops + l->notes.received, p->profile.max_hops);
}

static void
upper(char *s)
{
	for (; *s != '\0'; s++) {
		if (*s >= 'a' && *s <= 'z')
			*s = (char)(*s - 'a' + 'A');
	}
}

/* RFC 3461: what the command line wants, else what the profile wants. */
void
letter_dsn(const struct post *p, struct letter *l)
{
	const struct request *r = p->request;
	const char *notify = r->notify, *ret = r->ret, *at;
	struct text envid;

	if (notify != NULL && (strlen(notify) >= sizeof(l->notify) || !profile_is_notify(notify))) {
		letter_warn(p, l, "-N: neither never nor some of success,failure,delay");
		notify = NULL;
	}
	if (notify == NULL)
		notify = p->profile.dsn_notify;
	if (l->mail.dsn_notify == NULL && notify != NULL &&
		text_format(l->notify, sizeof(l->notify), "%s", notify)) {
		upper(l->notify);
		l->mail.dsn_notify = l->notify;
	}
	if (ret != NULL && !text_same(ret, "full") && !text_same(ret, "hdrs")) {
		letter_warn(p, l, "-R: neither full nor hdrs");
		ret = NULL;
	}
	if (l->mail.dsn_return != NULL)
		;
	else if (ret != NULL)
		l->mail.dsn_return = text_same(ret, "full") ? "FULL" : "HDRS";
	else if (p->profile.dsn_return != DSN_RETURN_UNSAID)
		l->mail.dsn_return = p->profile.dsn_return == DSN_RETURN_FULL ? "FULL" : "HDRS";
	if (l->mail.dsn_envid != NULL)
		return;
	text_fixed(&envid, l->envid, sizeof(l->envid));
	/* RFC 3461 4.4: printable ASCII, encoded or not. */
	for (at = r->envid; at != NULL && *at >= ' ' && *at <= '~'; at++)
		;
	if (at != NULL && *at != '\0') {
		letter_warn(p, l, "-V: not printable ASCII");
		return;
	}
	if (r->envid != NULL)
		transaction_xtext(&envid, r->envid);
	if (envid.cut || envid.len > 100)
		letter_warn(p, l, "-V: over 100 characters");
	else if (envid.len > 0)
		l->mail.dsn_envid = l->envid;
}

static void
fill_mail(const struct post *p, struct letter *l)
{
	const char *body = p->request->body, *utf8 = envelope_eight_bit(&l->envelope);

	l->mail.size = l->message.facts.size;
	l->mail.eight_bit = l->mail.eight_bit || l->message.facts.eight_bit;
	if (body != NULL && text_same(body, "8BITMIME"))
		l->mail.eight_bit = true;
	else if (body != NULL && text_same(body, "7BIT"))
		l->mail.seven_bit = !l->message.facts.eight_bit;
	else if (body != NULL)
		letter_warn(p, l, "-B: neither 7BIT nor 8BITMIME");
	if (utf8 == NULL && l->notes.eight_bit_address[0] != '\0')
		utf8 = l->notes.eight_bit_address;
	if (utf8 == NULL && p->request->utf8)
		utf8 = "-U";
	l->mail.utf8_reason = utf8;
	letter_dsn(p, l);
}

int
letter_edit(const struct post *p, struct letter *l, struct err *e)
{
	if (edit(p, l, e) == -1 || check_hops(p, l, e) == -1)
		return -1;
	warn_of_content(p, l);
	if (p->profile.max_size > 0 && l->message.facts.size > (uint64_t)p->profile.max_size)
		return err_set(e, ERR_DATA, "the message has %llu bytes, over max_size (%d)",
			(unsigned long long)l->message.facts.size, p->profile.max_size);
	fill_mail(p, l);
	l->edited = true;
	return 0;
}

void
letter_keep(const struct post *p, struct letter *l, struct err *e)
{
	const char *body = p->request->body;
	struct err own = {.kind = ERR_NONE};
	char name[DEAD_NAME_SIZE];
	struct dead_content c = {.envelope = &l->envelope,
		.message = &l->message,
		.mail = &l->mail,
		.section = p->profile.section,
		.reason = e->text,
		.seven_bit = body != NULL && text_same(body, "7BIT")};

	if (!l->edited || strcmp(p->profile.dead_letter, "off") == 0 ||
		!dead_is_for_somebody(&l->envelope))
		return;
	if (p->letters == -1)
		(void)err_copy(&own, &p->letters_error);
	else if (dead_write(p->letters, &c, name, &own) == 0) {
		text_printf(&l->kept, "%s/%s", p->profile.dead_letter, name);
		err_add(e, "kept in %.900s", l->kept.at);
		return;
	}
	err_add(e, "not kept in %.400s: %.400s", p->profile.dead_letter, own.text);
}

/* The recipients, or those without the message with the server's words for each. */
static void
log_recipients(const struct letter *l, struct text *line, bool refused)
{
	struct text list;
	size_t i;

	text_heap(&list, (size_t)256 * 1024 * 1024);
	for (i = 0; i < l->envelope.n; i++) {
		const struct rcpt *r = &l->envelope.rcpts[i];

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
log_session(const struct post *p, const struct letter *l, struct text *line)
{
	bool dsn = l->mail.dsn_notify != NULL || l->mail.dsn_return != NULL ||
		   l->mail.dsn_envid != NULL;
	size_t i;

	if (l->report.peer[0] != '\0')
		log_field(line, "host", l->report.peer);
	if (l->report.tls[0] != '\0')
		log_field(line, "tls", l->report.tls);
	if (l->report.reply[0] != '\0')
		log_field(line, "reply", l->report.reply);
	for (i = 0; i < l->envelope.n; i++)
		dsn = dsn || l->envelope.rcpts[i].dsn != NULL;
	if (!dsn || l->report.connections == 0 || (l->report.capabilities & SMTP_DSN) != 0)
		return;
	log_field(line, "dsn", "not-offered");
	if (p->request->verbose > 0)
		output_line("warning", "the server offers no DSN: nothing was said of it");
}

/* -L: printable, 32 characters, and nothing that the line's own form is made of. */
static const char *
tag(const struct post *p, char *buf, size_t size)
{
	struct text out;
	size_t i;

	if (p->request->tag == NULL || p->request->tag[0] == '\0')
		return "mailchute";
	text_fixed(&out, buf, size);
	text_add(&out, p->request->tag, strnlen(p->request->tag, 32));
	for (i = 0; i < out.len; i++) {
		if (buf[i] <= ' ' || buf[i] > '~' || strchr("[]:", buf[i]) != NULL)
			buf[i] = '_';
	}
	return buf;
}

void
letter_log(struct post *p, const struct letter *l, const struct err *e, int status)
{
	const struct request *r = p->request;
	struct text line;
	char from[ADDR_SIZE + 8], name[33];
	size_t unknown = envelope_count(&l->envelope, RCPT_UNKNOWN);

	text_heap(&line, (size_t)512 * 1024 * 1024);
	log_field(&line, "status", err_word(e->kind));
	log_number(&line, "exit", status);
	(void)text_format(from, sizeof(from), "<%s>", l->envelope.from);
	if (l->origin.domain[0] != '\0')
		log_field(&line, "from", from);
	log_recipients(l, &line, false);
	if (l->notes.id[0] != '\0')
		log_field(&line, "id", l->notes.id);
	if (l->message.facts.size > 0)
		log_number(&line, "size", (long long)l->message.facts.size);
	log_session(p, l, &line);
	log_recipients(l, &line, true);
	if (e->kind != ERR_NONE && l->envelope.n > 0)
		log_number(&line, "delivered",
			(long long)envelope_count(&l->envelope, RCPT_DELIVERED));
	if (unknown > 0)
		log_number(&line, "unknown", (long long)unknown);
	if (l->report.rounds > 1)
		log_number(&line, "rounds", (long long)l->report.rounds);
	if (l->kept.len > 0)
		log_field(&line, "letter", l->kept.at);
	log_number(&line, "ms", net_clock() - l->began);
	log_number(&line, "uid", (long long)p->world->uid);
	if (r->ignored.len > 0)
		log_field(&line, "ignored", r->ignored.at);
	if (l->warnings.len > 0)
		log_field(&line, "warn", l->warnings.at);
	if (e->kind != ERR_NONE)
		log_field(&line, "error", e->text);
	log_write(&p->log, tag(p, name, sizeof(name)), &line, e->kind != ERR_NONE);
	text_free(&line);
}
