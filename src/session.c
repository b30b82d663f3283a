/* SPDX-License-Identifier: ISC */
/* session.c: a session with a server, as the profile wants it. Chooses no server. */
#include "session.h"
#include "auth.h"

#include <string.h>

int64_t
session_deadline(const struct session_job *job)
{
	return net_clock() + (int64_t)job->profile->deadline * 1000;
}

static bool
is_fqdn(const char *name)
{
	size_t n = strlen(name), i;

	if (text_same(name, "localhost.localdomain") || strchr(name, '.') == NULL ||
		name[n - 1] == '.' || name[0] == '.')
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
helo_name(const struct session_job *job, struct session *s)
{
	if (job->profile->helo != NULL)
		return job->profile->helo;
	if (is_fqdn(job->world->host_name))
		return job->world->host_name;
	net_own_literal(&s->net, s->helo, sizeof(s->helo));
	return s->helo;
}

static void
set_options(struct session *s, const struct session_job *job, const struct value_host *host,
	int64_t deadline)
{
	static const enum smtp_tls ways[] = {
		[TLS_STARTTLS] = SMTP_TLS_BY_STARTTLS,
		[TLS_IMPLICIT] = SMTP_TLS_FROM_START,
		[TLS_OFF] = SMTP_NO_TLS,
		[TLS_OPPORTUNISTIC] = SMTP_TLS_IF_OFFERED,
	};
	const struct profile *p = job->profile;

	s->options = (struct smtp_options){
		.host = host->name,
		.tls = ways[host->port != VALUE_PORT_AUTO          ? host->tls
			    : s->net.port == SESSION_PORT_IMPLICIT ? (int)TLS_IMPLICIT
								   : (int)TLS_STARTTLS],
		.tls_options = {.policy = {.name = p->tls_name != NULL ? p->tls_name : host->name,
					.trust = p->tls_trust,
					.pins = (const char *const *)p->tls_pin.item,
					.pin_count = p->tls_pin.n,
					.verify = p->tls_verify},
				.client = job->client},
		.helo = helo_name(job, s),
		.timeout = job->timeout > 0 ? job->timeout : p->timeout * 1000,
		.commit_timeout = p->commit_timeout * 1000,
		.deadline = deadline,
		.trace = job->trace,
	};
}

void
session_note_tls(const struct smtp *s, struct session_report *report)
{
	bool verified = chain_is_verified(&s->options->tls_options.policy);

	(void)text_format(report->tls, sizeof(report->tls), "%s%s",
		s->encrypted ? tls_words(&s->tls) : "none",
		s->encrypted && !verified ? "/unverified" : "");
}

int
session_bring_up(struct session *session, const struct session_job *job,
	const struct value_host *host, int64_t deadline, bool for_message,
	struct session_report *report, struct session_progress *progress, struct err *e)
{
	const struct profile *p = job->profile;
	struct sasl_identity who = {.user = p->user != NULL ? p->user : "",
		.password = job->password,
		.token = job->token,
		.host = host->name,
		.port = session->net.port,
		.has_certificate = job->client != NULL};
	struct smtp *s = &session->smtp;
	int result;

	report->connections++;
	set_options(session, job, host, deadline);
	result = smtp_open(s, &session->net, &session->options, e);
	session->is_open = true;
	(void)text_format(report->peer, sizeof(report->peer), "%s", s->peer);
	if (result == -1)
		return -1;
	progress->greeted = true;
	report->capabilities = s->capabilities;
	session_note_tls(s, report);
	s->login_ahead =
		p->auth_pipelining && for_message && (s->capabilities & SMTP_PIPELINING) != 0;
	if (profile_logs_in(p) && auth_login(s, p->auth, !profile_is_weak(p, host), &who, e) == -1)
		return -1;
	progress->logged_in = s->login[0] == '\0';
	return 0;
}

void
session_extend(struct session *s, const struct session_job *job)
{
	s->options.deadline = session_deadline(job);
}

void
session_close(struct session *s, bool say_quit)
{
	if (!s->is_open)
		return;
	smtp_close(&s->smtp, say_quit);
	s->is_open = false;
}
