/* SPDX-License-Identifier: ISC */
/* auth.c: the log-in of a session. Knows no profile; never decides whether to log in at all. */
#include "auth.h"
#include "text.h"

#include <string.h>

/* RFC 4954 4: the longest line that carries an initial response; servers break off beyond it. */
#define INITIAL_LINE_MAX 510
#define RESPONSE_MAX     16384

/* No mechanism has more challenges than SCRAM's three. */
#define ROUNDS_MAX 4

/* The slots of smtp's secrets: the password and its base64, the token and its, what was sent last. */
enum { MASK_PASSWORD = 0, MASK_TOKEN = 2, MASK_RESPONSES = 4 };

static void
forget(struct text *secret)
{
	if (secret->at != NULL)
		text_wipe(secret->at, secret->size);
	text_free(secret);
}

/* What no reply may show, without the padding, which an echo may leave out. */
static void
mask_base64(struct text *slot, const char *data, size_t n)
{
	if (slot->at != NULL)
		text_wipe(slot->at, slot->size);
	slot->len = 0;
	text_base64(slot, data, n);
	while (slot->len > 0 && slot->at[slot->len - 1] == '=')
		slot->len--;
}

static void
mask_secret(struct smtp *s, size_t slot, const char *secret)
{
	s->secrets[slot].len = 0;
	text_puts(&s->secrets[slot], secret);
	mask_base64(&s->secrets[slot + 1], secret, strlen(secret));
}

static int
send_line(struct smtp *s, const char *line, const char *shown, struct err *e)
{
	if (smtp_put(s, SMTP_AT_AUTH, line, shown, e) == -1)
		return -1;
	return smtp_get(s, SMTP_AT_AUTH, e);
}

/* One response is all of it, and its refusal has nothing more to say. */
static bool
may_go_ahead(const struct smtp *s, const struct sasl *x)
{
	return s->login_ahead && x->done && x->mechanism->need != SASL_TOKEN;
}

/* Puts one response in base64, behind a command or alone; ahead: its answer is read later. */
static int
respond(struct smtp *s, const char *command, const struct text *data, bool ahead, struct err *e)
{
	struct text line;
	char shown[64];
	int result = -1;
	size_t slot;

	slot = MASK_RESPONSES + s->responses++ % (SMTP_SECRETS - MASK_RESPONSES);
	mask_base64(&s->secrets[slot], data->at, data->len);
	text_heap(&line, RESPONSE_MAX * 2);
	text_puts(&line, command);
	/* RFC 4954 4: an empty initial response is "=". */
	if (data->len == 0 && command[0] != '\0')
		text_char(&line, '=');
	text_base64(&line, data->at, data->len);
	(void)text_format(shown, sizeof(shown), "%s***", command);
	if (line.cut || s->secrets[slot].cut)
		(void)err_set(e, ERR_SYSTEM, "no memory for the log-in, or it is too long");
	else
		result = ahead ? smtp_put(s, SMTP_AT_AUTH, line.at, shown, e)
			       : send_line(s, line.len > 0 ? line.at : "", shown, e);
	forget(&line);
	return result;
}

/* The first line: with the response in it, where there is one that servers bear. */
static int
begin(struct smtp *s, struct sasl *x, struct text *data, struct err *e)
{
	char command[64];

	(void)text_format(command, sizeof(command), "AUTH %s ", x->mechanism->name);
	if (!x->mechanism->server_first) {
		if (sasl_answer(x, "", 0, data, e) == -1)
			return -1;
		if (strlen(command) + (data->len + 2) / 3 * 4 <= INITIAL_LINE_MAX)
			return respond(s, command, data, may_go_ahead(s, x), e);
	}
	command[strlen(command) - 1] = '\0';
	if (send_line(s, command, NULL, e) == -1)
		return -1;
	if (s->reply.code != 334)
		x->done = false; /* nothing was said yet that could be right */
	if (x->mechanism->server_first || s->reply.code != 334)
		return 0;
	return respond(s, "", data, false, e);
}

/* One challenge and what we say to it. */
static int
go_on(struct smtp *s, struct sasl *x, struct text *data, struct err *e)
{
	char challenge[SMTP_LINE_MAX];
	long n = text_unbase64(
		s->challenge, strlen(s->challenge), (unsigned char *)challenge, sizeof(challenge));
	int result = -1;

	data->len = 0;
	if (n == -1 && !x->mechanism->server_first)
		(void)err_set(e, ERR_TEMP, "a challenge that is no base64");
	else
		result = sasl_answer(x, challenge, n > 0 ? (size_t)n : 0, data, e);
	text_wipe(challenge, sizeof(challenge));
	return result == -1 ? -1 : respond(s, "", data, false, e);
}

/* What the last reply came to. what: the command, for the words. */
static int
finish(struct smtp *s, const struct sasl *x, const char *what, struct err *e)
{
	char said[sizeof(x->words_buf) + 128];
	struct text words;

	if (s->reply.code == 235 && x->done)
		return 0;
	if (s->reply.code < 400) {
		e->lost_peer = true;
		return err_set(e, ERR_TEMP, "%s: %s: an answer out of turn: %s", s->peer, what,
			s->reply.words);
	}
	text_fixed(&words, said, sizeof(said));
	text_puts(&words, what);
	if (x->words.len > 0) {
		text_puts(&words, " (it says: ");
		smtp_mask(s, &words, x->words_buf, x->words.len);
		text_char(&words, ')');
	}
	return smtp_refused(s, said, ERR_AUTH, e);
}

static int
exchange(struct smtp *s, const struct sasl_mechanism *m, const struct sasl_identity *who,
	struct err *e)
{
	struct err cause = {.kind = ERR_NONE};
	struct text data, words;
	struct sasl x;
	char what[64], said[512];
	int result;

	(void)text_format(what, sizeof(what), "AUTH %s", m->name);
	text_heap(&data, RESPONSE_MAX);
	sasl_start(&x, m, who);
	result = begin(s, &x, &data, &cause);
	if (result == 0 && may_go_ahead(s, &x)) {
		(void)text_format(s->login, sizeof(s->login), "%s", what);
		s->reply.code = 235; /* for now: smtp_get_login will tell */
	}
	while (result == 0 && s->reply.code == 334 && x.round < ROUNDS_MAX)
		result = go_on(s, &x, &data, &cause);
	if (result == 0)
		result = finish(s, &x, what, e);
	else if (cause.lost_peer)
		(void)err_copy(e, &cause);
	else {
		/* Few servers know the "*" that takes a log-in back: the connection is given up. */
		e->lost_peer = true;
		text_fixed(&words, said, sizeof(said));
		smtp_mask(s, &words, cause.text, strlen(cause.text));
		(void)err_set(e, cause.kind, "%s: %s: %s", s->peer, what, said);
	}
	forget(&data);
	sasl_end(&x);
	return result;
}

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

/* The mechanism to try as the n-th, or NULL. */
static const struct sasl_mechanism *
nth_wanted(const char *wanted, bool server_is_known, size_t n)
{
	const struct sasl_mechanism *m;
	size_t len, i, pass;

	for (; strcmp(wanted, "auto") != 0; n--) {
		wanted += strspn(wanted, " ");
		len = strcspn(wanted, " ");
		if (n == 0 || len == 0)
			return sasl_named(wanted, len);
		wanted += len;
	}
	for (pass = server_is_known ? 1 : 0; pass < 2; pass++) {
		for (i = 0; (m = sasl_nth(i)) != NULL; i++) {
			/* The first pass is for those that hide, the second for the rest. */
			if (m->named_only || (!server_is_known && m->hides != (pass == 0)))
				continue;
			if (n-- == 0)
				return m;
		}
	}
	return NULL;
}

/* Nothing was tried: either nothing has to be, or nothing can be. */
static int
nothing_in_common(
	const struct smtp *s, const char *wanted, const struct sasl_identity *who, struct err *e)
{
	bool has_secret = who->password[0] != '\0' || who->token[0] != '\0';

	if (strcmp(wanted, "auto") == 0 && !has_secret)
		return 0;
	if ((s->capabilities & SMTP_AUTH) == 0)
		return err_set(e, ERR_AUTH,
			"%s: the server offers no AUTH, but the profile has a user", s->peer);
	return err_set(e, ERR_AUTH, "%s: the server offers %s for AUTH, the profile wants %s",
		s->peer, s->mechanisms[0] != '\0' ? s->mechanisms : "nothing", wanted);
}

int
auth_login(struct smtp *s, const char *wanted, bool server_is_known, struct sasl_identity *who,
	struct err *e)
{
	const struct sasl_mechanism *m;
	struct err last = {.kind = ERR_NONE};
	size_t n;

	mask_secret(s, MASK_PASSWORD, who->password);
	mask_secret(s, MASK_TOKEN, who->token);
	for (n = 0; n < MASK_RESPONSES; n++) {
		if (s->secrets[n].cut)
			return err_set(
				e, ERR_SYSTEM, "no memory for the log-in, or it is too long");
	}
	who->end_point_len = s->encrypted ? chain_end_point(&s->tls.chain, who->end_point) : 0;
	for (n = 0; (m = nth_wanted(wanted, server_is_known, n)) != NULL; n++) {
		if (!is_among(s->mechanisms, m->name) || !sasl_can(m, who))
			continue;
		err_clear(&last);
		if (exchange(s, m, who, &last) == 0)
			return 0;
		/* RFC 4954 6: 504 and 534 speak of the mechanism; all else of who we are. */
		if (last.code != 504 && last.code != 534)
			break;
	}
	if (last.kind == ERR_NONE)
		return nothing_in_common(s, wanted, who, e);
	e->lost_peer = last.lost_peer;
	e->code = last.code;
	return err_copy(e, &last);
}
