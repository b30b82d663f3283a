/* SPDX-License-Identifier: ISC */
/* auth.c: SASL mechanisms, by table. Knows no profile; never decides whether to log in at all. */
#include "auth.h"
#include "text.h"

#include <string.h>

/* RFC 4954 4: the longest line that carries an initial response; servers break off beyond it. */
#define INITIAL_LINE_MAX 510
#define RESPONSE_MAX     16384

/* What a mechanism's exchange came to, by the last reply. */
static int
success(struct smtp *s, const char *mechanism, struct err *e)
{
	char what[64];

	if (s->reply.code == 235)
		return 0;
	(void)text_format(what, sizeof(what), "AUTH %s", mechanism);
	if (s->reply.code < 400) {
		e->lost_peer = true;
		return err_set(e, ERR_TEMP, "%s: %s: an answer out of turn: %s", s->peer, what,
			s->reply.words);
	}
	return smtp_refused(s, what, ERR_AUTH, e);
}

static void
forget(struct text *secret)
{
	if (secret->at != NULL)
		text_wipe(secret->at, secret->size);
	text_free(secret);
}

/* Sends one response in base64. */
static int
respond(struct smtp *s, const char *command, const char *data, size_t n, struct err *e)
{
	struct text line;
	char shown[64];
	int result = -1;

	text_heap(&line, RESPONSE_MAX + 64);
	text_printf(&line, "%s%s", command, command[0] != '\0' ? " " : "");
	text_base64(&line, data, n);
	(void)text_format(shown, sizeof(shown), "%s%s***", command, command[0] != '\0' ? " " : "");
	if (line.cut)
		(void)err_set(e, ERR_SYSTEM, "no memory for the log-in, or it is too long");
	else if (smtp_put(s, SMTP_AT_AUTH, line.at, shown, e) == 0)
		result = smtp_get(s, SMTP_AT_AUTH, e);
	forget(&line);
	return result;
}

/* "AUTH X" alone; the server must go on with 334. */
static int
begin(struct smtp *s, const char *mechanism, struct err *e)
{
	char line[64];

	(void)text_format(line, sizeof(line), "AUTH %s", mechanism);
	if (smtp_put(s, SMTP_AT_AUTH, line, NULL, e) == -1)
		return -1;
	return smtp_get(s, SMTP_AT_AUTH, e);
}

/* RFC 4616: authzid NUL authcid NUL passwd. */
static void
plain_response(struct text *out, const struct auth_secret *secret)
{
	text_heap(out, RESPONSE_MAX);
	text_char(out, '\0');
	text_puts(out, secret->user);
	text_char(out, '\0');
	text_puts(out, secret->password);
}

static int
plain(struct smtp *s, const struct auth_secret *secret, struct err *e)
{
	struct text response;
	int result = -1;

	plain_response(&response, secret);
	if (response.cut)
		(void)err_set(e, ERR_SYSTEM, "no memory for the log-in, or it is too long");
	else if (11 + (response.len + 2) / 3 * 4 <= INITIAL_LINE_MAX)
		result = respond(s, "AUTH PLAIN", response.at, response.len, e);
	else {
		result = begin(s, "PLAIN", e);
		if (result == 0 && s->reply.code == 334)
			result = respond(s, "", response.at, response.len, e);
	}
	forget(&response);
	return result == 0 ? success(s, "PLAIN", e) : -1;
}

/* What no reply may show: the password, its base64, and PLAIN's response, without their padding. */
static void
mask_secrets(struct smtp *s, const struct auth_secret *secret)
{
	struct text response;
	size_t i;

	for (i = 0; i < 3; i++)
		s->secrets[i].len = 0;
	plain_response(&response, secret);
	text_puts(&s->secrets[0], secret->password);
	text_base64(&s->secrets[1], secret->password, strlen(secret->password));
	text_base64(&s->secrets[2], response.at, response.len);
	for (i = 1; i < 3; i++) {
		while (s->secrets[i].len > 0 && s->secrets[i].at[s->secrets[i].len - 1] == '=')
			s->secrets[i].len--;
	}
	forget(&response);
}

/* No RFC: two prompts, whose words vary from server to server and don't matter. */
static int
login(struct smtp *s, const struct auth_secret *secret, struct err *e)
{
	const char *answers[2];
	size_t i;

	answers[0] = secret->user;
	answers[1] = secret->password;
	if (begin(s, "LOGIN", e) == -1)
		return -1;
	for (i = 0; i < 2 && s->reply.code == 334; i++) {
		if (respond(s, "", answers[i], strlen(answers[i]), e) == -1)
			return -1;
	}
	/* A 235 before the password was asked for is nobody's success. */
	if (s->reply.code == 235 && i < 2)
		s->reply.code = 335;
	return success(s, "LOGIN", e);
}

/* In the order in which `auto` tries them: under TLS the password is safe on its way. */
static const struct {
	const char *name;
	int (*run)(struct smtp *s, const struct auth_secret *secret, struct err *e);
} mechanisms[] = {
	{"PLAIN", plain},
	{"LOGIN", login},
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

/* True where name is one of the words of list. */
static bool
is_among(const char *list, const char *name)
{
	size_t n;

	for (list += strspn(list, " "); *list != '\0'; list += strspn(list, " ")) {
		n = strcspn(list, " ");
		if (text_same_n(list, n, name))
			return true;
		list += n;
	}
	return false;
}

/* The number of the mechanism to try as the n-th, or -1. */
static int
nth_mechanism(const char *wanted, size_t n)
{
	size_t i, len;

	if (strcmp(wanted, "auto") == 0)
		return n < MECHANISMS ? (int)n : -1;
	for (wanted += strspn(wanted, " "); *wanted != '\0'; wanted += strspn(wanted, " ")) {
		len = strcspn(wanted, " ");
		for (i = 0; n == 0 && i < MECHANISMS; i++) {
			if (text_same_n(wanted, len, mechanisms[i].name))
				return (int)i;
		}
		n--;
		wanted += len;
	}
	return -1;
}

int
auth_login(struct smtp *s, const char *wanted, const struct auth_secret *secret, struct err *e)
{
	struct err last = {.kind = ERR_NONE};
	size_t n;
	int i;

	if ((s->capabilities & SMTP_AUTH) == 0)
		return err_set(e, ERR_AUTH,
			"%s: the server offers no AUTH, but the profile has a user", s->peer);
	mask_secrets(s, secret);
	for (n = 0; (i = nth_mechanism(wanted, n)) != -1; n++) {
		if (!is_among(s->mechanisms, mechanisms[i].name))
			continue;
		err_clear(&last);
		if (mechanisms[i].run(s, secret, &last) == 0)
			return 0;
		/* RFC 4954 6: 504 and 534 speak of the mechanism; all else of who we are. */
		if (last.code != 504 && last.code != 534)
			break;
	}
	e->lost_peer = last.lost_peer;
	e->code = last.code;
	if (last.kind != ERR_NONE)
		return err_copy(e, &last);
	return err_set(e, ERR_AUTH, "%s: the server offers %s for AUTH, the profile wants %s",
		s->peer, s->mechanisms[0] != '\0' ? s->mechanisms : "nothing", wanted);
}
