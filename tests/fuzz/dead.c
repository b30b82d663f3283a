/* SPDX-License-Identifier: ISC */
/*
 * dead.c: a dead letter written, and read again (dead.c, dead_file.c). The same recipients have the
 * same states, and the message its very bytes, whatever heads and markers these pretend to be.
 */
#include "dead.h"
#include "edit.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 2048
#define OUT_MAX  (1 << 16)

static struct spool spool, kept;
static struct message m, again;
static struct envelope env, read_env;
static char bytes[OUT_MAX], more[OUT_MAX], file[OUT_MAX];

struct sink {
	char *at;
	size_t n;
};

static char *
sink_room(void *ctx, size_t *n)
{
	struct sink *s = ctx;

	*n = OUT_MAX - s->n;
	return s->at + s->n;
}

static void
sink_put(void *ctx, size_t n)
{
	struct sink *s = ctx;

	s->n += n;
}

/* The message as it leaves, in out; returns its bytes. */
static size_t
emit(struct message *message, char *out)
{
	struct sink s = {out, 0};
	struct message_sink sink = {sink_room, sink_put, &s};
	struct err e;

	err_clear(&e);
	must(message_emit(message, false, &sink, NULL, &e) == 0);
	return s.n;
}

static bool
read_message(struct message *message, struct spool *from, bool relay)
{
	static struct edit_notes notes;
	const struct edit_rules rules = {.domain = "mail.test",
		.from = "alice@mail.test",
		.now = 1800000000,
		.relay = relay};
	struct err e;

	err_clear(&e);
	return message_read(message, from, &e) == 0 &&
	       edit_message(message, &rules, &notes, &e) == 0 && message_count(message, &e) == 0;
}

/* Sender and recipients out of a list; each one's fate is a byte of `fates`. */
static void
address(struct fuzz_input list, struct fuzz_input fates)
{
	static const struct aliases none = {.n = 0};
	static const struct envelope_rules rules = {&none, "mail.test", "client.test"};
	struct addr_list addresses;
	struct addr_box box;
	struct err e;
	size_t i;

	err_clear(&e);
	envelope_init(&env);
	addr_open(&addresses, list.at, list.n, false);
	if (addr_next(&addresses, &box, &e) == 1 && box.domain != NULL)
		memcpy(env.from, box.address, sizeof(env.from));
	while (addr_next(&addresses, &box, &e) == 1 && envelope_add(&env, &rules, &box, &e) == 0)
		;
	for (i = 0; i < env.n && i < fates.n; i++) {
		env.rcpts[i].fate = (unsigned char)fates.at[i] % (RCPT_UNKNOWN + 1);
		env.rcpts[i].told = (fates.at[i] & 8) != 0;
		if ((fates.at[i] & 16) != 0)
			env.rcpts[i].dsn = text_copy("NOTIFY=NEVER", 12);
	}
}

static void
check_envelope(const struct dead_letter *d)
{
	size_t i, n = 0;

	must(strcmp(read_env.from, env.from) == 0);
	for (i = 0; i < env.n; i++) {
		const struct rcpt *was = &env.rcpts[i], *is = &read_env.rcpts[n];

		if (was->fate == RCPT_DELIVERED || was->told)
			continue;
		must(n < read_env.n && strcmp(is->address, was->address) == 0);
		must(d->states[n] == dead_state_of(was) && is->fate == RCPT_OPEN);
		must((is->dsn != NULL) == (was->dsn != NULL));
		n++;
	}
	must(n == read_env.n);
}

/* fuzz_written, as a file, tells what c told. */
static void
check_letter(const struct dead_content *c, size_t piece)
{
	const struct transaction_mail *mail = c->mail;
	struct dead_letter d;
	struct err e;
	size_t n = emit(&m, bytes);

	must(fuzz_written.n < OUT_MAX);
	memcpy(file, fuzz_written.at, fuzz_written.n);
	fuzz_file(FUZZ_FILE, file, fuzz_written.n, piece);
	err_clear(&e);
	envelope_init(&read_env);
	spool_init(&kept);
	must(dead_read(&d, &read_env, &kept, FUZZ_PATH, 0, &e) == 0);
	check_envelope(&d);
	must(strcmp(d.section, c->section) == 0 && d.seven_bit == c->seven_bit);
	must(d.utf8 == (mail->utf8_reason != NULL));
	must(strcmp(d.ret, mail->dsn_return != NULL ? mail->dsn_return : "") == 0);
	must(strcmp(d.envid, mail->dsn_envid != NULL ? mail->dsn_envid : "") == 0);
	must(strcmp(d.notify, mail->dsn_notify != NULL ? mail->dsn_notify : "") == 0);
	must(kept.size == n && memcmp(file + fuzz_written.n - n, bytes, n) == 0);
	must(read_message(&again, &kept, true));
	must(emit(&again, more) == n && memcmp(more, bytes, n) == 0);
	message_close(&again);
	dead_close(&d);
	envelope_free(&read_env);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size}, list, reason;
	unsigned option = fuzz_option(&in), piece = fuzz_option(&in);
	struct transaction_mail mail = {.utf8_reason = (option & 1) != 0 ? "-U" : NULL,
		.dsn_return = (option & 2) != 0 ? "FULL" : NULL,
		.dsn_notify = (option & 4) != 0 ? "SUCCESS,FAILURE,DELAY" : NULL};
	struct dead_content c = {
		.envelope = &env, .message = &m, .mail = &mail, .seven_bit = (option & 8) != 0};
	char name[DEAD_NAME_SIZE], envid_buf[101];
	struct text envid;
	struct err e, why;

	if (in.n > TEXT_MAX)
		return 0;
	list = fuzz_part(&in);
	address(list, fuzz_part(&in));
	reason = fuzz_part(&in);
	err_clear(&why);
	(void)err_set(&why, ERR_TEMP, "%.*s", (int)reason.n, reason.at);
	text_fixed(&envid, envid_buf, sizeof(envid_buf));
	transaction_xtext(&envid, why.text);
	mail.dsn_envid = envid.len > 0 && !envid.cut ? envid.at : NULL;
	c.section = (option & 16) != 0 ? "default" : "a section";
	c.reason = why.text;
	spool_init(&spool);
	spool.size = in.n;
	spool.memory = (char *)in.at;
	spool.in_memory = in.n;
	err_clear(&e);
	fuzz_file(FUZZ_FILE, "", 0, 0);
	fuzz_written.n = 0;
	if (read_message(&m, &spool, (option & 32) != 0) && dead_is_for_somebody(&env)) {
		must(dead_write(0, &c, name, &e) == 0 && e.kind == ERR_NONE);
		check_letter(&c, piece);
	}
	message_close(&m);
	envelope_free(&env);
	return 0;
}
