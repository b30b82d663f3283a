/* SPDX-License-Identifier: ISC */
/* smtp_open.c: a session's beginning and end: greeting, EHLO, STARTTLS, QUIT. Knows no message. */
#include "smtp.h"

static int
greeting(struct smtp *s, struct err *e)
{
	if (smtp_get(s, SMTP_AT_GREETING, e) == -1)
		return -1;
	if (s->reply.code == 220)
		return 0;
	return smtp_refused(s, "greeting", ERR_REFUSED, e);
}

/* unknown_kind: what it means that EHLO isn't known here, or was refused. */
static int
ehlo(struct smtp *s, enum err_kind unknown_kind, struct err *e)
{
	char line[600];

	/* RFC 3207 4.2: forget what EHLO said in clear. */
	s->capabilities = 0;
	s->mechanisms[0] = '\0';
	s->size_max = 0;
	(void)text_format(line, sizeof(line), "EHLO %s", s->options->helo);
	if (smtp_put(s, SMTP_AT_EHLO, line, NULL, e) == -1 || smtp_get(s, SMTP_AT_EHLO, e) == -1)
		return -1;
	if (s->reply.code == 250)
		return 0;
	return smtp_refused(s, "EHLO",
		s->reply.code == 500 || s->reply.code == 502 || s->encrypted ? unknown_kind
									     : ERR_REFUSED,
		e);
}

/* Who the server says it is, for whoever asks by -v. */
static void
trace_tls(const struct smtp *s)
{
	struct text words;
	char buf[1024], pin[CHAIN_PIN_SIZE];
	size_t i;

	if (s->options->trace.line == NULL)
		return;
	smtp_show(s, "*", tls_words(&s->tls));
	text_fixed(&words, buf, sizeof(buf));
	for (i = 0; chain_describe(&s->tls.chain, i, &words); i++) {
		smtp_show(s, "*", buf);
		text_fixed(&words, buf, sizeof(buf));
	}
	chain_pin(&s->tls.chain, pin);
	text_printf(&words, "tls_pin = %s%s", pin,
		chain_is_verified(&s->options->tls_options.policy) ? "" : " (not verified)");
	smtp_show(s, "*", buf);
}

static int
handshake(struct smtp *s, struct err *e)
{
	struct err cause = {.kind = ERR_NONE};

	if (tls_start(&s->tls, &s->wire, &s->options->tls_options, smtp_deadline(s), &cause) == 0) {
		s->encrypted = true;
		trace_tls(s);
		return 0;
	}
	e->lost_peer = true;
	if (cause.kind != ERR_NONE)
		return err_set(e, cause.kind, "%s: %s", s->peer, cause.text);
	return smtp_lost(s, SMTP_AT_HANDSHAKE, ERR_TEMP, e);
}

static int
starttls(struct smtp *s, struct err *e)
{
	if ((s->capabilities & SMTP_STARTTLS) == 0)
		return err_set(e, ERR_TLS,
			"%s: the server offers no STARTTLS, and nothing goes in clear", s->peer);
	if (smtp_put(s, SMTP_AT_STARTTLS, "STARTTLS", NULL, e) == -1 ||
		smtp_get(s, SMTP_AT_STARTTLS, e) == -1)
		return -1;
	if (s->reply.code == 220)
		return handshake(s, e);
	if (s->reply.code < 400)
		s->reply.code =
			554; /* neither yes nor a reason to come back: no TLS is to be had */
	return smtp_refused(s, "STARTTLS", ERR_TLS, e);
}

int
smtp_open(struct smtp *s, struct net *n, const struct smtp_options *options, struct err *e)
{
	size_t i;

	s->options = options;
	s->net = n;
	s->encrypted = false;
	s->unanswered = 1;
	s->capabilities = 0;
	s->farewell = false;
	s->login_ahead = false;
	s->responses = 0;
	s->login[0] = '\0';
	s->tls.chain.refused = false;
	for (i = 0; i < SMTP_SECRETS; i++)
		text_heap(&s->secrets[i], 32768);
	(void)text_format(
		s->peer, sizeof(s->peer), "%.255s[%s]:%u", options->host, n->address, n->port);
	smtp_show(s, "*", s->peer);
	wire_open(&s->wire, n);
	if (options->tls == SMTP_TLS_FROM_START && handshake(s, e) == -1)
		return -1;
	if (greeting(s, e) == -1)
		return -1;
	if (options->tls == SMTP_TLS_FROM_START || options->tls == SMTP_NO_TLS)
		return ehlo(s, ERR_REFUSED, e);
	if (ehlo(s, options->tls == SMTP_TLS_IF_OFFERED ? ERR_REFUSED : ERR_TLS, e) == -1)
		return -1;
	if (options->tls == SMTP_TLS_IF_OFFERED && (s->capabilities & SMTP_STARTTLS) == 0)
		return 0;
	return starttls(s, e) == -1 ? -1 : ehlo(s, ERR_TLS, e);
}

void
smtp_close(struct smtp *s, bool say_quit)
{
	struct err ignored = {.kind = ERR_NONE};
	size_t i;

	say_quit = say_quit && smtp_put(s, SMTP_AT_RSET, "QUIT", NULL, &ignored) == 0;
	if (s->encrypted)
		tls_close(&s->tls, say_quit);
	else if (say_quit)
		(void)wire_flush(&s->wire, NET_AT_ONCE);
	net_close(s->net);
	for (i = 0; i < SMTP_SECRETS; i++) {
		if (s->secrets[i].at != NULL)
			text_wipe(s->secrets[i].at, s->secrets[i].size);
		text_free(&s->secrets[i]);
	}
	text_wipe(s->challenge, sizeof(s->challenge));
}
