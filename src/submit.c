/* SPDX-License-Identifier: ISC */
/* submit.c: a message to its recipients, over whichever host and address of the profile serves. */
#include "submit.h"
#include "auth.h"
#include "transaction.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* What to do after a try. */
enum next { NEXT_NOTHING, NEXT_ADDRESS, NEXT_HOST };

/* A run under way. */
struct run {
	const struct submit_job *job;
	struct submit_report *report;
	int64_t deadline;
	struct net net;
	struct smtp *smtp;
	struct rcpt **batch;
	struct err last;    /* why the last try failed */
	struct text causes; /* of all tries, for the sentence */
	char causes_buf[ERR_TEXT_SIZE];
};

static bool
is_fqdn(const char *name)
{
	size_t n = strlen(name), i;

	if (strchr(name, '.') == NULL || name[n - 1] == '.' || name[0] == '.')
		return false;
	/* Exim refuses an underscore, OpenSMTPD a long label. */
	for (i = 0; i < n; i++) {
		if (!text_is_alnum(name[i]) && name[i] != '-' && name[i] != '.')
			return false;
	}
	return n <= 253;
}

/* RFC 5321 4.1.4: a name that is ours, else the address literal; never a bare "localhost". */
static const char *
helo_name(const struct run *r, char *buf, size_t size)
{
	if (r->job->profile->helo != NULL)
		return r->job->profile->helo;
	if (is_fqdn(r->job->world->host_name))
		return r->job->world->host_name;
	net_own_literal(&r->net, buf, size);
	return buf;
}

static struct smtp_options
session_options(const struct run *r, const struct value_host *host, const char *helo)
{
	const struct profile *p = r->job->profile;

	return (struct smtp_options){
		.host = host->name,
		.tls_name = p->tls_name != NULL ? p->tls_name : host->name,
		.tls_trust = p->tls_trust,
		.implicit_tls = host->tls == TLS_IMPLICIT,
		.helo = helo,
		.timeout = p->timeout * 1000,
		.commit_timeout = p->commit_timeout * 1000,
		.deadline = r->deadline,
		.trace = r->job->trace,
	};
}

/* The next open recipients, as many as a transaction may have. */
static size_t
fill_batch(struct run *r)
{
	struct envelope *env = r->job->envelope;
	size_t max = (size_t)r->job->profile->max_recipients, n = 0, i;

	for (i = 0; i < env->n && n < max; i++) {
		if (env->rcpts[i].fate == RCPT_OPEN)
			r->batch[n++] = &env->rcpts[i];
	}
	return n;
}

static int
reset(struct smtp *s, struct err *e)
{
	if (smtp_put(s, SMTP_AT_RSET, "RSET", NULL, e) == -1 || smtp_get(s, SMTP_AT_RSET, e) == -1)
		return -1;
	return s->reply.code / 100 == 2 ? 0 : smtp_refused(s, "RSET", ERR_TEMP, e);
}

/* Transactions over a session that stands, until nobody is open. */
static int
carry(struct run *r, struct err *e)
{
	const struct submit_job *job = r->job;
	struct transaction t = {.envelope = job->envelope, .batch = r->batch,
		.message = job->message, .need_utf8 = job->utf8_address != NULL,
		.utf8_address = job->utf8_address,
		.all = job->profile->recipients == RECIPIENTS_ALL};
	enum transaction_end end = TRANSACTION_DONE;

	while ((t.n = fill_batch(r)) > 0) {
		if (end != TRANSACTION_DONE && reset(r->smtp, e) == -1)
			return -1;
		end = transaction_run(r->smtp, &t, e);
		(void)text_format(r->report->reply, sizeof(r->report->reply), "%s",
			r->smtp->reply.words);
		if (end == TRANSACTION_FAILED || t.all)
			break;
	}
	return e->kind == ERR_NONE ? 0 : -1;
}

/* Session up, log-in, transactions, session down. *greeted: the failure isn't the session's. */
static int
use_connection(struct run *r, const struct value_host *host, bool *greeted, bool *logged_in,
	struct err *e)
{
	const struct profile *p = r->job->profile;
	struct auth_secret secret = {p->user, r->job->password};
	char literal[80];
	const char *helo = helo_name(r, literal, sizeof(literal));
	struct smtp_options options = session_options(r, host, helo);
	int result;

	r->report->connections++;
	result = smtp_open(r->smtp, &r->net, &options, e);
	(void)text_format(r->report->peer, sizeof(r->report->peer), "%s", r->smtp->peer);
	*greeted = result == 0;
	if (result == 0) {
		(void)text_format(r->report->tls, sizeof(r->report->tls), "%s", tls_words(&r->smtp->tls));
		if (p->user != NULL && strcmp(p->auth, "off") != 0)
			result = auth_login(r->smtp, p->auth, &secret, e);
		*logged_in = result == 0;
	}
	if (result == 0)
		result = carry(r, e);
	smtp_close(r->smtp, e->kind == ERR_NONE || !e->lost_peer);
	return result;
}

static size_t
undelivered(const struct envelope *env)
{
	return env->n - envelope_count(env, RCPT_DELIVERED);
}

static size_t
left(const struct envelope *env)
{
	return envelope_count(env, RCPT_OPEN) + envelope_count(env, RCPT_DEFERRED);
}

/* Where a failed try leads (the table of "when is trying again safe"). */
static enum next
lead_on(const struct run *r, bool greeted, bool logged_in)
{
	if (r->net.fault.kind == NET_SIGNAL)
		return NEXT_NOTHING;
	switch (r->last.kind) {
	case ERR_TEMP:
		/* A log-in that failed for the time being: not at once again at the same host. */
		return greeted && !logged_in ? NEXT_HOST : NEXT_ADDRESS;
	case ERR_TLS:
		return NEXT_ADDRESS;
	case ERR_REFUSED:
		return greeted ? NEXT_NOTHING : NEXT_HOST;
	default:
		return NEXT_NOTHING;
	}
}

static void
note_cause(struct run *r, const char *words)
{
	text_printf(&r->causes, "%s", r->causes.len > 0 ? "; " : "");
	text_puts(&r->causes, words);
}

static enum next
try_address(struct run *r, const struct value_host *host, struct net_addresses *as)
{
	const struct profile *p = r->job->profile;
	bool greeted = false, logged_in = false;
	struct err e = {.kind = ERR_NONE};
	int result;

	envelope_move(r->job->envelope, RCPT_DEFERRED, RCPT_OPEN);
	if (net_connect(&r->net, as, p->connect_timeout * 1000, r->deadline, &e) == -1) {
		(void)err_set(&r->last, e.kind, "%s:%d: %s", host->name, host->port, e.text);
		note_cause(r, r->last.text);
		return NEXT_HOST;
	}
	result = use_connection(r, host, &greeted, &logged_in, &e);
	if (envelope_count(r->job->envelope, RCPT_DELIVERED) == 0 && e.kind != ERR_UNKNOWN)
		net_release_signals(&r->net);
	/* All is said: whoever was put off may have more luck at another host. */
	if (result == 0)
		return NEXT_HOST;
	(void)err_copy(&r->last, &e);
	note_cause(r, e.text);
	return lead_on(r, greeted, logged_in);
}

/* True where going on makes sense: somebody is left, and nobody must not get it alone. */
static bool
goes_on(const struct run *r)
{
	const struct envelope *env = r->job->envelope;

	if (r->job->profile->recipients == RECIPIENTS_ALL && envelope_count(env, RCPT_REFUSED) > 0)
		return false;
	return left(env) > 0;
}

static enum next
try_host(struct run *r, const struct value_host *host)
{
	struct net_addresses as;
	struct err e = {.kind = ERR_NONE};
	enum next next = NEXT_ADDRESS;

	if (net_resolve(&as, host->name, (unsigned)host->port, AF_UNSPEC, &e) == -1) {
		/* Where another host failed otherwise, that is the better reason. */
		if (e.kind != ERR_HOST || r->last.kind == ERR_NONE)
			err_clear(&r->last);
		(void)err_copy(&r->last, &e);
		note_cause(r, e.text);
		return NEXT_HOST;
	}
	while (next == NEXT_ADDRESS && goes_on(r) && net_untried(&as)) {
		if (net_clock() >= r->deadline) {
			(void)err_set(&r->last, ERR_TEMP, "the deadline of the run has passed");
			return NEXT_NOTHING;
		}
		err_clear(&r->last);
		next = try_address(r, host, &as);
	}
	return next;
}

/* Adds who did not get it and why, the first ones of them. */
static void
add_fates(struct text *out, const struct envelope *env)
{
	size_t i, more = 0;
	bool first = out->len == 0 || text_is_blank(out->at[out->len - 1]);

	for (i = 0; i < env->n; i++) {
		const struct rcpt *r = &env->rcpts[i];

		if ((r->fate != RCPT_REFUSED && r->fate != RCPT_DEFERRED) || r->reply == NULL)
			continue;
		if (out->len > ERR_TEXT_SIZE * 3 / 4) {
			more++;
			continue;
		}
		text_printf(out, "%s<%.200s>: %.500s", first ? "" : "; ", r->address, r->reply);
		first = false;
	}
	if (more > 0)
		text_printf(out, " and %zu more", more);
}

/* No connection failed, and yet somebody is without: the server's words to each of them decide. */
static enum err_kind
kind_by_fates(const struct run *r)
{
	const struct envelope *env = r->job->envelope;
	bool all = r->job->profile->recipients == RECIPIENTS_ALL;

	if (all && envelope_count(env, RCPT_REFUSED) > 0)
		return ERR_RCPT;
	if (left(env) == 0)
		return ERR_RCPT;
	return envelope_count(env, RCPT_DELIVERED) > 0 ? ERR_PARTIAL : ERR_TEMP;
}

/* The one sentence, and its kind, for what came of it all. */
static int
conclude(const struct run *r, struct err *e)
{
	const struct envelope *env = r->job->envelope;
	size_t delivered = envelope_count(env, RCPT_DELIVERED);
	bool unknown = r->last.kind == ERR_UNKNOWN, by_fates = r->last.kind == ERR_NONE;
	struct text words;
	char buf[ERR_TEXT_SIZE];

	if (undelivered(env) == 0)
		return 0;
	text_fixed(&words, buf, sizeof(buf));
	if (delivered > 0)
		text_printf(&words, "delivered to %zu of %zu recipients; ", delivered, env->n);
	else
		text_puts(&words, unknown ? "not confirmed: " : "not sent: ");
	if (!by_fates)
		text_puts(&words, r->causes.at);
	if (unknown)
		text_puts(&words, " (the server may have accepted it, so it isn't sent again)");
	if (by_fates || delivered > 0)
		add_fates(&words, env);
	e->code = r->last.code;
	if (by_fates)
		return err_set(e, kind_by_fates(r), "%s", buf);
	return err_set(e, delivered > 0 ? ERR_PARTIAL : r->last.kind, "%s", buf);
}

int
submit_run(const struct submit_job *job, struct submit_report *report, struct err *e)
{
	const struct value_hosts *hosts = &job->profile->hosts;
	struct run r = {.job = job, .report = report,
		.deadline = net_clock() + (int64_t)job->profile->deadline * 1000};
	enum next next = NEXT_HOST;
	size_t i;

	*report = (struct submit_report){.connections = 0};
	text_fixed(&r.causes, r.causes_buf, sizeof(r.causes_buf));
	if (job->profile->recipients == RECIPIENTS_ALL &&
		job->envelope->n > (size_t)job->profile->max_recipients)
		return err_set(e, ERR_DATA,
			"recipients = all, but there are more than max_recipients (%d)",
			job->profile->max_recipients);
	net_init(&r.net);
	r.smtp = malloc(sizeof(*r.smtp));
	r.batch = malloc((size_t)job->profile->max_recipients * sizeof(struct rcpt *));
	if (r.smtp == NULL || r.batch == NULL)
		(void)err_set(e, ERR_SYSTEM, "no memory for the session");
	for (i = 0; e->kind == ERR_NONE && next != NEXT_NOTHING && i < hosts->n && goes_on(&r); i++)
		next = try_host(&r, &hosts->list[i]);
	free(r.smtp);
	free(r.batch);
	return e->kind == ERR_NONE ? conclude(&r, e) : -1;
}
