/* SPDX-License-Identifier: ISC */
/* submit.c: the law, against servers that say anything (submit.c, transaction.c, steps.c, content.c). */
#include "submit.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 4096

static const char hosts[] = "192.0.2.1 mail.test\n192.0.2.2 mail.test two.test\n";

static const char letter[] = "From: alice@mail.test\n\n.\nbody\nthe end";
static char long_letter[20000]; /* its last chunk isn't the only one */

static struct profile_file file;
static struct profile profile;
static struct spool spools[2];
static struct message messages[2];

/* Once: what doesn't change from run to run. */
static void
begin(void)
{
	static char text[512];
	struct err e;
	size_t i;

	(void)text_format(text, sizeof(text), "%s%s%s",
		"[default]\nhost = mail.test nowhere.test two.test\ntls = off\nlog = off\n"
		"helo = client.test\nmax_recipients = 2\nuser = alice\npassword = s3cret\n"
		"auth_insecure = yes\nauth_pipelining = yes\nretry_for = 3s\n",
		profile_key("sandbox") != NULL ? "sandbox = no\n" : "",
		"[all]\nrecipients = all\nauth = off\n[plain]\nauth = off\n");
	fuzz_file(FUZZ_FILE, text, strlen(text), 0);
	err_clear(&e);
	fuzz_file(FUZZ_HOSTS, hosts, sizeof(hosts) - 1, 0);
	must(profile_open(&file, &fuzz_world, &e) == 0);
	memcpy(long_letter, letter, sizeof(letter));
	for (i = sizeof(letter) - 1; i < sizeof(long_letter); i++)
		long_letter[i] = i % 50 == 0 ? '\n' : '.';
	for (i = 0; i < 2; i++) {
		spool_init(&spools[i]);
		spools[i].memory = i == 0 ? (char *)letter : long_letter;
		spools[i].size = spools[i].in_memory =
			i == 0 ? sizeof(letter) - 1 : sizeof(long_letter);
		must(message_read(&messages[i], &spools[i], &e) == 0 &&
			message_count(&messages[i], &e) == 0);
	}
}

/* The run as an onlooker sees it: commands, replies, and who has the message by them. */
#define FLIGHT_MAX 64
#define RCPTS      3

static struct onlooker {
	char flight[FLIGHT_MAX][40]; /* commands without an answer */
	size_t n;
	bool greeted;
	bool broken;    /* a chunk was refused: what a yes to the last one means nobody knows */
	size_t content; /* where in fuzz_sent it begins */
	int code;       /* of the reply under way; 0: none */
	bool taken[RCPTS], delivered[RCPTS], lost[RCPTS]; /* lost: in doubt */
	bool chunked[RCPTS]; /* a last chunk was answered: an answer too many may bring doubt */
} seen;

static const char *const names[RCPTS] = {"one@x.test", "two@x.test", "three@x.test"};

static int
whom(const char *command)
{
	int i;

	for (i = 0; i < RCPTS; i++) {
		if (strncmp(command + 9, names[i], strlen(names[i])) == 0)
			return i;
	}
	return -1;
}

static void
fly(const char *command)
{
	must(seen.n < FLIGHT_MAX);
	(void)text_format(seen.flight[seen.n++], sizeof(seen.flight[0]), "%s", command);
}

/* True for what may end a message: the last chunk, or the content once its dot has gone. */
static bool
ends_message(const char *command)
{
	if (strcmp(command, "END") == 0)
		return memmem(fuzz_sent.at + seen.content, fuzz_sent.n - seen.content, "\r\n.\r\n",
			       5) != NULL;
	return strncmp(command, "BDAT ", 5) == 0 && strstr(command, " LAST") != NULL;
}

/* One whole reply: it is the first command's. */
static void
answer(int code)
{
	char command[40];
	int i;

	if (!seen.greeted) {
		seen.greeted = true;
		return;
	}
	if (seen.n == 0)
		return; /* unasked: it can only be looked at for why the server breaks off */
	memcpy(command, seen.flight[0], sizeof(command));
	memmove(seen.flight[0], seen.flight[1], --seen.n * sizeof(command));
	if (strncmp(command, "MAIL ", 5) == 0)
		memset(seen.taken, 0, sizeof(seen.taken));
	else if (strncmp(command, "RCPT ", 5) == 0)
		seen.taken[whom(command)] = code < 400; /* 3yz: nobody knows */
	else if (strcmp(command, "DATA") == 0 && code / 100 == 3) {
		seen.content = fuzz_sent.n;
		fly("END");
	}
	if (strncmp(command, "MAIL ", 5) == 0)
		seen.broken = false;
	if (strncmp(command, "BDAT ", 5) == 0 && !ends_message(command))
		seen.broken = seen.broken || code / 100 != 2;
	if (!ends_message(command))
		return;
	for (i = 0; i < RCPTS; i++)
		seen.chunked[i] = seen.taken[i] && command[0] == 'B';
	if (code >= 400)
		return;
	for (i = 0; i < RCPTS; i++) {
		must(!seen.taken[i] || !seen.delivered[i]);
		seen.delivered[i] =
			seen.delivered[i] || (seen.taken[i] && !seen.broken && code / 100 == 2);
		seen.lost[i] = seen.lost[i] || (seen.taken[i] && (seen.broken || code / 100 == 3));
	}
}

/* A connection is over: what flies may have been obeyed. */
static void
lose(void)
{
	bool in_doubt = false;
	size_t i;

	for (i = 0; i < seen.n; i++)
		in_doubt = in_doubt || ends_message(seen.flight[i]);
	for (i = 0; in_doubt && i < seen.n; i++) {
		if (strncmp(seen.flight[i], "RCPT ", 5) == 0)
			seen.taken[whom(seen.flight[i])] = true;
	}
	for (i = 0; i < RCPTS; i++) {
		seen.lost[i] = seen.lost[i] || (in_doubt && seen.taken[i]);
		seen.taken[i] = false;
	}
	seen.n = 0;
	seen.greeted = false;
	seen.code = 0;
}

static void
look(void *ctx, const char *who, const char *text)
{
	int code;

	(void)ctx;
	if (who[0] == '*')
		lose();
	if (who[0] == 'C') {
		/* Who has the message isn't sent it again. */
		must(strncmp(text, "RCPT ", 5) != 0 || !seen.delivered[whom(text)]);
		fly(text);
	}
	if (who[0] != 'S' || strlen(text) < 3)
		return;
	code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0';
	if (seen.code != 0 && code != seen.code)
		return; /* lost by it */
	seen.code = code;
	if (text[3] == '-')
		return;
	seen.code = 0;
	if (text[0] >= '2' && text[0] <= '5' && text_is_digit(text[1]) && text_is_digit(text[2]) &&
		(text[3] == ' ' || text[3] == '\0'))
		answer(code);
}

static void
check(int result, const struct err *e, const struct envelope *env)
{
	size_t delivered = envelope_count(env, RCPT_DELIVERED),
	       unknown = envelope_count(env, RCPT_UNKNOWN), i;

	lose();
	for (i = 0; i < env->n; i++) {
		bool doubted = env->rcpts[i].fate == RCPT_UNKNOWN && seen.chunked[i];

		must((env->rcpts[i].fate == RCPT_DELIVERED) == (seen.delivered[i] && !doubted));
		must(env->rcpts[i].fate != RCPT_UNKNOWN || seen.lost[i] || doubted);
	}
	must((result == 0) == (delivered == env->n) && (result == 0) == (e->kind == ERR_NONE));
	must(result == 0 || !fuzz_has_control(e->text, strlen(e->text)));
	must(envelope_count(env, RCPT_TAKEN) == 0);
	/* What may have been taken isn't said to be not sent. */
	must(delivered + unknown == 0 || result == 0 || e->kind == ERR_UNKNOWN ||
		e->kind == ERR_PARTIAL || e->kind == ERR_RCPT);
	must(unknown == 0 || e->kind == ERR_UNKNOWN || e->kind == ERR_PARTIAL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sections[] = {NULL, "all", "plain"};
	static const struct aliases none;
	static const struct envelope_rules rules = {&none, "mail.test", ""};
	static const struct transaction_mail mail = {.size = 40, .dsn_notify = "FAILURE"};
	static struct session_report report;
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in), piece = fuzz_option(&in), i;
	struct session_job job = {
		.profile = &profile,
		.world = &fuzz_world,
		.password = "s3cret",
		.token = "",
		.trace = {look, NULL}
        };
	struct envelope env;
	struct addr_box box;
	struct err e;

	if (in.n > TEXT_MAX)
		return 0;
	if (file.n == 0)
		begin();
	err_clear(&e);
	e.lost_peer = false;
	must(profile_choose(&profile, &file, &fuzz_world, sections[option % 3], false, &e) == 0);
	envelope_init(&env);
	for (i = 0; i < 1 + option / 3 % 3; i++)
		must(addr_one(names[i], "x", &box, &e) == 0 &&
			envelope_add(&env, &rules, &box, &e) == 0);
	fuzz_server(in, piece, option / 9 % 2 == 1);
	memset(&seen, 0, sizeof(seen));
	check(submit_run(&job, &env, &messages[option / 18 % 4 == 3], &mail, &report, &e), &e,
		&env);
	envelope_free(&env);
	profile_clear(&profile);
	return 0;
}
