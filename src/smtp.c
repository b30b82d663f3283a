/* SPDX-License-Identifier: ISC */
/* smtp.c: the dialogue: commands, replies, capabilities. Knows no profile and no message. */
#include "smtp.h"

#include <string.h>

/* Servers cut what they repeat: so many bytes of a secret's beginning aren't shown either. */
#define SECRET_PART 12

/* Each completes "the server closed the connection ...". */
static const char *const phase_words[SMTP_PHASES] = {
	[SMTP_AT_GREETING] = "before its greeting",
	[SMTP_AT_EHLO] = "after EHLO",
	[SMTP_AT_STARTTLS] = "after STARTTLS",
	[SMTP_AT_HANDSHAKE] = "within the TLS handshake",
	[SMTP_AT_AUTH] = "after AUTH",
	[SMTP_AT_MAIL] = "after MAIL",
	[SMTP_AT_RCPT] = "after RCPT",
	[SMTP_AT_DATA] = "after DATA",
	[SMTP_AT_CONTENT] = "within the message",
	[SMTP_AT_END] = "after the end of the message",
	[SMTP_AT_RSET] = "after RSET",
};

static const struct {
	const char *keyword;
	unsigned capability;
} keywords[] = {
	{"STARTTLS",   SMTP_STARTTLS  },
	{"PIPELINING", SMTP_PIPELINING},
	{"8BITMIME",   SMTP_8BITMIME  },
	{"SMTPUTF8",   SMTP_UTF8      },
	{"SIZE",       SMTP_SIZE      },
	{"AUTH",       SMTP_AUTH      },
	{"DSN",        SMTP_DSN       },
	{"CHUNKING",   SMTP_CHUNKING  },
};

void
smtp_show(const struct smtp *s, const char *who, const char *text)
{
	if (s->options->trace.line != NULL)
		s->options->trace.line(s->options->trace.ctx, who, text);
}

int64_t
smtp_deadline(const struct smtp *s)
{
	int64_t step = net_clock() + s->options->timeout;

	return step < s->options->deadline ? step : s->options->deadline;
}

int
smtp_lost(struct smtp *s, enum smtp_phase phase, enum err_kind kind, struct err *e)
{
	const struct net_fault *fault = &s->net->fault;
	const char *at = phase_words[phase], *words = "the connection failed";

	e->lost_peer = true;
	switch (fault->kind) {
	case NET_EOF:
		words = "the server closed the connection";
		break;
	case NET_TIMEOUT:
		words = "no answer came in time";
		break;
	case NET_ERRNO:
		words = strerror(fault->number);
		break;
	case NET_SIGNAL:
		words = "a signal stopped us";
		break;
	case NET_TLS:
		words = tls_fault_words(fault->number);
		break;
	case NET_OVERLONG:
		words = "the server sent a line that is too long";
		break;
	case NET_FINE:
		words = "the server sent no SMTP reply, or one out of turn,";
		break;
	}
	return err_set(e, kind, "%s: %s %s", s->peer, words, at);
}

int
smtp_refused(struct smtp *s, const char *what, enum err_kind permanent, struct err *e)
{
	int code = s->reply.code;

	if (e->kind != ERR_NONE)
		return -1;
	(void)err_set(
		e, code >= 500 ? permanent : ERR_TEMP, "%s: %s: %s", s->peer, what, s->reply.words);
	e->code = code;
	/* RFC 5321 3.8: the server is about to close, or has. */
	e->lost_peer = code == 421;
	return -1;
}

static bool
is_clean(const char *line)
{
	for (; *line != '\0'; line++) {
		if (text_is_control(*line))
			return false;
	}
	return true;
}

int
smtp_put(struct smtp *s, enum smtp_phase phase, const char *line, const char *secret, struct err *e)
{
	int64_t deadline = smtp_deadline(s);
	size_t early;

	if (!is_clean(line))
		return err_set(e, ERR_DATA, "a control character can't stand in an SMTP command");
	(void)s->wire.ops->input(s->wire.ctx, &early);
	if (s->unanswered == 0 && early > 0) {
		e->lost_peer = true;
		return err_set(e, ERR_TEMP, "%s: the server answered before it was asked", s->peer);
	}
	s->unanswered++;
	smtp_show(s, "C", secret != NULL ? secret : line);
	if (wire_write(&s->wire, line, strlen(line), deadline) == -1 ||
		wire_write(&s->wire, "\r\n", 2, deadline) == -1)
		return smtp_lost(s, phase, ERR_TEMP, e);
	return 0;
}

/* How much of a secret stands there: all of it, or so much of its beginning that it's no chance. */
static size_t
secret_at(const struct smtp *s, const char *at, size_t n)
{
	const struct text *secret;
	size_t longest = 0, k, len;

	for (k = 0; k < SMTP_SECRETS; k++) {
		secret = &s->secrets[k];
		for (len = 0; len < n && len < secret->len && at[len] == secret->at[len];)
			len++;
		if ((len == secret->len || len >= SECRET_PART) && len > longest)
			longest = len;
	}
	return longest;
}

void
smtp_mask(const struct smtp *s, struct text *out, const char *line, size_t n)
{
	size_t i, len;

	for (i = 0; i < n;) {
		len = secret_at(s, line + i, n - i);
		if (len > 0) {
			text_puts(out, "***");
			i += len;
			continue;
		}
		len = text_utf8(line + i, n - i);
		len = len == 0 ? 1 : len;
		text_masked(out, line + i, len);
		i += len;
	}
}

static void
take_keyword(struct smtp *s, const char *line)
{
	size_t n = strcspn(line, " ="), i;
	long long size;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (text_same_n(line, n, keywords[i].keyword))
			break;
	}
	if (i == sizeof(keywords) / sizeof(keywords[0]))
		return;
	/* "AUTH=PLAIN LOGIN" stands beside "AUTH PLAIN LOGIN" for clients of long ago: no offer. */
	if (keywords[i].capability == SMTP_AUTH && line[n] == '=')
		return;
	s->capabilities |= keywords[i].capability;
	if (keywords[i].capability == SMTP_SIZE && line[n] != '\0') {
		size = text_number(line + n + 1, INT64_MAX);
		s->size_max = size > 0 ? (uint64_t)size : 0;
	}
	if (keywords[i].capability == SMTP_AUTH && line[n] != '\0')
		(void)text_format(s->mechanisms, sizeof(s->mechanisms), "%s", line + n + 1);
}

/* "250-words" or "250 words" or "250": its code, or -1. */
static int
line_code(const char *line, size_t n)
{
	if (n < 3 || line[0] < '2' || line[0] > '5' || !text_is_digit(line[1]) ||
		!text_is_digit(line[2]))
		return -1;
	if (n > 3 && line[3] != ' ' && line[3] != '-')
		return -1;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/*
 * A reply of any number of lines (RFC 5321 4.2.1). is_ehlo: it is EHLO's. line: SMTP_LINE_MAX + 3
 * bytes of the caller's, who wipes them: a secret may be repeated there.
 */
static int
read_lines(struct smtp *s, int64_t deadline, bool is_ehlo, char *line)
{
	char shown_buf[SMTP_LINE_MAX + 3];
	struct text words, shown;
	size_t total = 0;
	unsigned count;
	long n;
	int code;

	s->reply.code = 0;
	text_fixed(&words, s->reply.words, sizeof(s->reply.words));
	for (count = 0; count < SMTP_LINES_MAX && total < SMTP_REPLY_MAX; count++) {
		n = wire_line(&s->wire, line, SMTP_LINE_MAX + 3, deadline);
		if (n == -1)
			return -1;
		total += (size_t)n;
		text_fixed(&shown, shown_buf, sizeof(shown_buf));
		code = line_code(line, (size_t)n);
		/* A challenge may hold anything, in base64. */
		if (code == 334 && n > 4)
			text_puts(&shown, "334 ***");
		else
			smtp_mask(s, &shown, line, (size_t)n);
		smtp_show(s, "S", shown.at);
		if (code == -1 || (count > 0 && code != s->reply.code))
			return -1;
		s->reply.code = code;
		/* The first line with its code, of the others the text alone. */
		if (count == 0)
			text_puts(&words, shown.at);
		else if (n > 4)
			text_printf(&words, " %s", shown.len > 4 ? shown.at + 4 : "");
		if (count == 0 && words.len > 3 && words.at[3] == '-')
			words.at[3] = ' ';
		if (is_ehlo && count > 0 && n > 4)
			take_keyword(s, line + 4);
		if (n >= 4 && line[3] == '-')
			continue;
		/* RFC 4954 4: a challenge is one line. */
		if (code == 334)
			(void)text_format(s->challenge, sizeof(s->challenge), "%s",
				count > 0 ? "?"
				: n > 4   ? line + 4
					  : "");
		return 0;
	}
	return -1;
}

static int
read_reply(struct smtp *s, int64_t deadline, bool is_ehlo)
{
	char line[SMTP_LINE_MAX + 3];
	int result = read_lines(s, deadline, is_ehlo, line);

	text_wipe(line, sizeof(line));
	return result;
}

int
smtp_get_by(struct smtp *s, enum smtp_phase phase, int64_t deadline, struct err *e)
{
	/* Where the flight can't be sent, the server may have said why. */
	if (wire_flush(&s->wire, deadline) == -1 && !wire_has_input(&s->wire))
		return smtp_lost(s, phase, phase == SMTP_AT_END ? ERR_UNKNOWN : ERR_TEMP, e);
	if (read_reply(s, deadline, phase == SMTP_AT_EHLO) == 0) {
		s->unanswered -= s->unanswered > 0;
		s->farewell = s->farewell || s->reply.code == 421;
		return 0;
	}
	return smtp_lost(s, phase, phase == SMTP_AT_END ? ERR_UNKNOWN : ERR_TEMP, e);
}

int
smtp_get(struct smtp *s, enum smtp_phase phase, struct err *e)
{
	return smtp_get_by(s, phase, smtp_deadline(s), e);
}

int
smtp_get_login(struct smtp *s, struct err *e)
{
	if (s->login[0] == '\0')
		return 0;
	if (smtp_get(s, SMTP_AT_AUTH, e) == -1)
		return -1;
	if (s->reply.code == 235) {
		s->login[0] = '\0';
		return 0;
	}
	(void)smtp_refused(s, s->login, ERR_AUTH, e);
	/* What else is in flight may never be answered. */
	e->lost_peer = true;
	return -1;
}
