/* SPDX-License-Identifier: ISC */
/* submit.c: a message to its recipients, over whichever host and address of the profile serves. */
#include "submit.h"
#include "dns.h"
#include "verdict.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* `port = auto`: how long after 465 the other port is called. */
#define PORT_LATER_MS 300

/* retry_for: how long between two rounds, about; each wait is twice the last. */
#define PAUSE_FIRST_MS 1000
#define PAUSE_MAX_MS   60000

/* What to do after a try. */
enum next { NEXT_NOTHING, NEXT_ADDRESS, NEXT_HOST };

/* A run under way. */
struct run {
	const struct session_job *job;
	struct session_report *report;
	struct session *session;
	int64_t deadline;
	struct envelope *envelope; /* NULL: only a session is wanted */
	struct message *message;
	const struct transaction_mail *mail;
	struct rcpt **batch;
	size_t decided;     /* so many at the front of the envelope aren't open */
	bool again;         /* the same host: its session had to end before all were asked about */
	bool hopeful;       /* something of this round failed for the time being only */
	struct err last;    /* why the last try failed */
	struct text causes; /* of all tries, for the sentence */
	char causes_buf[ERR_TEXT_SIZE];
};

/* The next open recipients, as many as a transaction may have. */
static size_t
fill_batch(struct run *r)
{
	size_t max = (size_t)r->job->profile->max_recipients, n = 0, i;

	while (r->decided < r->envelope->n && r->envelope->rcpts[r->decided].fate != RCPT_OPEN)
		r->decided++;
	for (i = r->decided; i < r->envelope->n && n < max; i++) {
		if (r->envelope->rcpts[i].fate == RCPT_OPEN)
			r->batch[n++] = &r->envelope->rcpts[i];
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

/* Transactions over a session that stands, until nobody is open, or it is to be closed. */
static int
carry(struct run *r, struct err *e)
{
	struct smtp *s = &r->session->smtp;
	struct transaction t = {.envelope = r->envelope,
		.batch = r->batch,
		.message = r->message,
		.mail = *r->mail,
		.all = r->job->profile->recipients == RECIPIENTS_ALL,
		.before_commit = r->job->before_commit,
		.ctx = r->job->ctx};
	enum transaction_end end = TRANSACTION_DONE;

	while ((t.n = fill_batch(r)) > 0) {
		if (end != TRANSACTION_DONE && reset(s, e) == -1)
			return -1;
		end = transaction_run(s, &t, e);
		(void)text_format(r->report->reply, sizeof(r->report->reply), "%s", s->reply.words);
		if (end == TRANSACTION_FAILED || t.all || e->lost_peer)
			break;
	}
	return e->kind == ERR_NONE ? 0 : -1;
}

/* Where a failed try leads (the table of "when is trying again safe"). */
static enum next
lead_on(const struct run *r, const struct session_progress *progress, bool is_auto)
{
	if (r->session->net.fault.kind == NET_SIGNAL)
		return NEXT_NOTHING;
	switch (r->last.kind) {
	case ERR_TEMP:
		/* A log-in that failed for the time being: not at once again at the same host. */
		return progress->greeted && !progress->logged_in ? NEXT_HOST : NEXT_ADDRESS;
	case ERR_TLS:
		/* By another port the same server would show the same certificate. */
		return is_auto && r->session->smtp.tls.chain.refused ? NEXT_HOST : NEXT_ADDRESS;
	case ERR_REFUSED:
		return progress->greeted ? NEXT_NOTHING : NEXT_HOST;
	default:
		return NEXT_NOTHING;
	}
}

static void
note_cause(struct run *r, const char *words)
{
	text_puts(&r->causes, r->causes.len > 0 ? "; " : "");
	text_puts(&r->causes, words);
}

static enum next
try_address(struct run *r, const struct value_host *host, struct net_addresses *as)
{
	struct session_progress progress = {.greeted = false};
	struct err e = {.kind = ERR_NONE};
	struct net *net = &r->session->net;
	const struct net_addresses before = *as;
	struct text where;
	char where_buf[300];
	size_t open = 0;
	int result;

	r->decided = 0;
	if (r->envelope != NULL) {
		if (!r->again)
			envelope_move(r->envelope, RCPT_DEFERRED, RCPT_OPEN);
		open = envelope_count(r->envelope, RCPT_OPEN);
	}
	r->again = false;
	if (net_connect(net, as, r->job->profile->connect_timeout * 1000, r->deadline, &e) == -1) {
		text_fixed(&where, where_buf, sizeof(where_buf));
		value_host_words(host, &where);
		(void)err_set(&r->last, e.kind, "%s: %s", where_buf, e.text);
		note_cause(r, r->last.text);
		r->hopeful = r->hopeful || e.kind == ERR_TEMP;
		return NEXT_HOST;
	}
	result = session_bring_up(r->session, r->job, host, r->deadline, r->envelope != NULL,
		r->report, &progress, &e);
	if (result == 0 && r->envelope == NULL)
		return NEXT_NOTHING;
	if (result == 0) {
		result = carry(r, &e);
		progress.logged_in = r->session->smtp.login[0] == '\0';
	}
	session_close(r->session, !e.lost_peer);
	if (r->envelope != NULL && envelope_count(r->envelope, RCPT_DELIVERED) == 0 &&
		e.kind != ERR_UNKNOWN)
		net_release_signals(net);
	if (result == 0) {
		size_t left = envelope_count(r->envelope, RCPT_OPEN);

		r->hopeful = true;
		/* All is said: whoever was put off may have more luck at another host. */
		if (left == 0 || r->job->profile->recipients == RECIPIENTS_ALL)
			return NEXT_HOST;
		r->again = left < open && !r->session->smtp.farewell;
		if (r->again)
			*as = before;
		return NEXT_ADDRESS;
	}
	r->hopeful = r->hopeful || e.kind == ERR_TEMP;
	(void)err_copy(&r->last, &e);
	note_cause(r, e.text);
	return lead_on(r, &progress, host->port == VALUE_PORT_AUTO);
}

/* True where going on makes sense: somebody is left, and nobody must not get it alone. */
static bool
goes_on(const struct run *r)
{
	if (r->envelope == NULL)
		return !r->session->is_open;
	if (r->job->profile->recipients == RECIPIENTS_ALL &&
		envelope_count(r->envelope, RCPT_REFUSED) > 0)
		return false;
	return envelope_left(r->envelope) > 0;
}

static enum next
try_host(struct run *r, const struct value_host *host)
{
	struct net_addresses as;
	struct err e = {.kind = ERR_NONE};
	enum next next = NEXT_ADDRESS;

	bool is_auto = host->port == VALUE_PORT_AUTO;

	if (dns_resolve(&as, host->name, is_auto ? SESSION_PORT_IMPLICIT : (unsigned)host->port,
		    r->job->family, r->deadline, &e) == -1) {
		/* Where another host failed otherwise, that is the better reason. */
		if (e.kind != ERR_HOST)
			err_clear(&r->last);
		(void)err_copy(&r->last, &e);
		note_cause(r, e.text);
		r->hopeful = true; /* a name that isn't there may be a network that isn't */
		return NEXT_HOST;
	}
	if (is_auto)
		net_add_port(&as, SESSION_PORT_STARTTLS, PORT_LATER_MS);
	while (next == NEXT_ADDRESS && goes_on(r) && net_untried(&as)) {
		if (net_clock() >= r->deadline) {
			(void)err_set(&r->last, ERR_TEMP, "the deadline of the run has passed");
			note_cause(r, "the deadline of the run has passed");
			return NEXT_NOTHING;
		}
		err_clear(&r->last);
		next = try_address(r, host, &as);
	}
	return next;
}

/* All hosts once. True where somebody is left, and another round may serve. */
static bool
try_hosts(struct run *r)
{
	const struct value_hosts *hosts = &r->job->profile->hosts;
	enum next next = NEXT_HOST;
	size_t i;

	r->hopeful = false;
	r->report->rounds++;
	err_clear(&r->last);
	text_fixed(&r->causes, r->causes_buf, sizeof(r->causes_buf));
	for (i = 0; next != NEXT_NOTHING && i < hosts->n && goes_on(r); i++)
		next = try_host(r, &hosts->list[i]);
	return next != NEXT_NOTHING && r->hopeful && goes_on(r);
}

/* When the next round is due: later each time, by chance, so that a crowd doesn't come back at once. */
static int64_t
next_round(const struct run *r, int64_t end)
{
	unsigned char random[2] = {0, 0};
	int64_t wait = PAUSE_FIRST_MS, due;
	unsigned i;

	for (i = 1; i < r->report->rounds && wait < PAUSE_MAX_MS; i++)
		wait *= 2;
	if (wait > PAUSE_MAX_MS)
		wait = PAUSE_MAX_MS;
	(void)getrandom(random, sizeof(random), GRND_NONBLOCK);
	due = net_clock() + wait / 2 + wait * (random[0] << 8 | random[1]) / 65536;
	return due < end ? due : end;
}

static void
trace_pause(const struct run *r, int64_t due)
{
	const struct smtp_trace *trace = &r->job->trace;
	char words[64];

	if (trace->line == NULL)
		return;
	(void)text_format(
		words, sizeof(words), "trying again in %lld ms", (long long)(due - net_clock()));
	trace->line(trace->ctx, "*", words);
}

/*
 * Waits for the next round. A message's signals are held meanwhile, so that one that ends us ends
 * the run in words; a -bs caller's session has no message yet, and they do what they did.
 */
static int
pause_for(struct run *r, int64_t due)
{
	struct net *net = &r->session->net;
	struct err ignored = {.kind = ERR_NONE};
	bool held = net->signal_fd != -1;
	int result;

	trace_pause(r, due);
	if (!held && r->envelope != NULL)
		(void)net_hold_signals(net, &ignored);
	result = net_pause(net, due);
	if (result == -1) {
		err_clear(&r->last);
		(void)err_set(&r->last, ERR_TEMP,
			"a signal stopped us while waiting to try again; before that: %.1500s",
			r->causes.len > 0 ? r->causes_buf : "recipients were put off");
		r->causes.len = 0;
		note_cause(r, r->last.text);
	} else if (!held)
		net_release_signals(net);
	return result;
}

/* Round after round while there is hope, until retry_for is over; the last begins at its end. */
static void
try_rounds(struct run *r)
{
	int64_t end = net_clock() + (int64_t)r->job->profile->retry_for * 1000, due;

	net_init(&r->session->net);
	r->session->is_open = false;
	while (try_hosts(r) && net_clock() < end) {
		due = next_round(r, end);
		/* A round that can only begin with the deadline's passing says nothing new. */
		if (due >= r->deadline || pause_for(r, due) == -1)
			return;
	}
}

int
submit_run(const struct session_job *job, struct envelope *envelope, struct message *message,
	const struct transaction_mail *mail, struct session_report *report, struct err *e)
{
	const struct profile *p = job->profile;
	struct run r = {.job = job,
		.report = report,
		.deadline = session_deadline(job),
		.envelope = envelope,
		.message = message,
		.mail = mail};
	struct verdict_facts facts = {.all = p->recipients == RECIPIENTS_ALL, .last = &r.last};

	*report = (struct session_report){.connections = 0};
	if (p->recipients == RECIPIENTS_ALL && envelope->n > (size_t)p->max_recipients)
		return err_set(e, ERR_DATA,
			"recipients = all, but there are more than max_recipients (%d)",
			p->max_recipients);
	r.session = malloc(sizeof(*r.session));
	r.batch = calloc((size_t)p->max_recipients, sizeof(struct rcpt *));
	if (r.session == NULL || r.batch == NULL)
		(void)err_set(e, ERR_SYSTEM, "no memory for the session");
	else {
		try_rounds(&r);
		facts.causes = r.causes_buf;
		facts.rounds = report->rounds;
		(void)verdict_give(envelope, &facts, e);
	}
	free(r.session);
	free(r.batch);
	return e->kind == ERR_NONE ? 0 : -1;
}

int
submit_open(struct session *s, const struct session_job *job, struct session_report *report,
	struct err *e)
{
	struct run r = {
		.job = job, .report = report, .session = s, .deadline = session_deadline(job)};

	report->rounds = 0;
	try_rounds(&r);
	if (s->is_open)
		return 0;
	if (r.last.kind == ERR_NONE)
		r.last.kind = ERR_TEMP;
	e->code = r.last.code;
	return err_set(e, r.last.kind, "%s", r.causes_buf);
}
