/* SPDX-License-Identifier: ISC */
/* submit.c: the law, against servers that say anything (submit.c, transaction.c, content.c). */
#include "submit.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 4096

static const char letter[] = "From: alice@mail.test\n\n.\nbody\nthe end";

static struct profile_file file;
static struct profile profile;
static struct spool spool;
static struct message message;

/* Once: what doesn't change from run to run. */
static void
begin(void)
{
	static char text[512];
	struct err e;

	(void)text_format(text, sizeof(text), "%s%s%s",
		"[default]\nhost = mail.test nowhere.test two.test\ntls = off\nlog = off\n"
		"helo = client.test\nmax_recipients = 2\nuser = alice\npassword = s3cret\n"
		"auth_insecure = yes\nauth_pipelining = yes\nretry_for = 3s\n",
		profile_key("sandbox") != NULL ? "sandbox = no\n" : "",
		"[all]\nrecipients = all\nselectable = yes\nauth = off\n");
	fuzz_file(FUZZ_FILE, text, strlen(text), 0);
	err_clear(&e);
	must(profile_open(&file, &fuzz_world, &e) == 0);
	spool_init(&spool);
	spool.memory = (char *)letter;
	spool.size = spool.in_memory = sizeof(letter) - 1;
	must(message_read(&message, &spool, &e) == 0 && message_count(&message, &e) == 0);
}

static unsigned
count(const char *word)
{
	size_t len = strlen(word), i;
	unsigned n = 0;

	for (i = 0; i + len <= fuzz_sent.n; i++)
		n += memcmp(fuzz_sent.at + i, word, len) == 0;
	return n;
}

/* A line of the script that was read and is a yes. */
static bool
heard_yes(const struct fuzz_input *script)
{
	size_t i;

	for (i = 0; i + 3 <= fuzz_heard; i++) {
		if (script->at[i] == '2' &&
			(i == 0 || script->at[i - 1] == '\n' || script->at[i - 1] == '\f'))
			return true;
	}
	return false;
}

static void
check(int result, const struct err *e, const struct envelope *env, const struct fuzz_input *script)
{
	size_t delivered = envelope_count(env, RCPT_DELIVERED),
	       unknown = envelope_count(env, RCPT_UNKNOWN);
	unsigned whole = count("the end\r\n.\r\n"), chunks = count(" LAST\r\n"),
		 ends = count("the end");

	must((result == 0) == (delivered == env->n) && (result == 0) == (e->kind == ERR_NONE));
	must(delivered + unknown == 0 || whole + chunks > 0);
	must(delivered == 0 || heard_yes(script));
	must(whole <= ends && !fuzz_has_control(e->text, result == 0 ? 0 : strlen(e->text)));
	must(envelope_count(env, RCPT_TAKEN) == 0);
	/* What may have been taken isn't said to be not sent. */
	must(delivered + unknown == 0 || result == 0 || e->kind == ERR_UNKNOWN ||
		e->kind == ERR_PARTIAL || e->kind == ERR_RCPT);
	must(unknown == 0 || e->kind == ERR_UNKNOWN || e->kind == ERR_PARTIAL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"one@x.test", "two@x.test", "three@x.test"};
	static const struct aliases none;
	static const struct envelope_rules rules = {&none, "mail.test", ""};
	static const struct transaction_mail mail = {.size = 40, .dsn_notify = "FAILURE"};
	static struct submit_report report;
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in), piece = fuzz_option(&in), i;
	struct submit_job job = {
		.profile = &profile, .world = &fuzz_world, .password = "s3cret", .token = ""};
	struct envelope env;
	struct addr_box box;
	struct err e;

	if (in.n > TEXT_MAX)
		return 0;
	if (file.n == 0)
		begin();
	err_clear(&e);
	e.lost_peer = false;
	must(profile_choose(
		     &profile, &file, &fuzz_world, option % 2 == 1 ? "all" : NULL, false, &e) == 0);
	envelope_init(&env);
	for (i = 0; i < 1 + option / 2 % 3; i++)
		must(addr_one(names[i], "x", &box, &e) == 0 &&
			envelope_add(&env, &rules, &box, &e) == 0);
	fuzz_server(in, piece, option / 8 % 2 == 1);
	check(submit_run(&job, &env, &message, &mail, &report, &e), &e, &env, &in);
	envelope_free(&env);
	profile_clear(&profile);
	return 0;
}
