/* SPDX-License-Identifier: ISC */
/* sasl.c: challenges of every kind, answered (sasl.c, scram.c). */
#include "sasl.h"
#include "fuzz.h"

#include <string.h>

#define PASSWORD "s3cret-of-alice"
#define TEXT_MAX 1024

static char answer[8192];

static bool
is_scram(const struct sasl_mechanism *m)
{
	return strncmp(m->name, "SCRAM-", 6) == 0;
}

/* A yes is due only where the server had its turn, and SCRAM's has shown that it knows. */
static void
check_done(const struct sasl *x, const struct fuzz_input *challenge)
{
	if (is_scram(x->mechanism) && x->done) {
		must(x->round == 3);
		must(challenge->n > 2 && memcmp(challenge->at, "v=", 2) == 0);
	}
	if (x->mechanism->server_first)
		must(!x->done || x->round > 0);
}

static void
check_answer(const struct sasl *x, const struct text *out, const struct fuzz_input *challenge)
{
	must(!out->cut && out->len < sizeof(answer));
	if (x->mechanism->hides && !fuzz_holds(challenge->at, challenge->n, PASSWORD))
		must(!fuzz_holds(out->at, out->len, PASSWORD));
	if (is_scram(x->mechanism) && x->round == 2) {
		must(fuzz_holds(out->at, out->len, ",p=") && out->at[0] == 'c');
		must(fuzz_holds(challenge->at, challenge->n, "r=AAAA") &&
			fuzz_holds(challenge->at, challenge->n, ",i="));
	}
	must(!fuzz_has_control(x->words.at, x->words.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sasl_identity who = {.user = "al,i=ce",
		.password = PASSWORD,
		.token = "t0ken",
		.host = "mail.test",
		.port = 587,
		.has_certificate = true,
		.end_point = "0123456789012345678901234567890",
		.end_point_len = 32};
	struct fuzz_input in = {(const char *)data, size}, challenge = {"", 0};
	const struct sasl_mechanism *m;
	struct sasl x;
	struct text out;
	struct err e;
	unsigned turn;

	m = sasl_nth(fuzz_option(&in) % 9);
	must(m != NULL && sasl_can(m, &who) && sasl_named(m->name, strlen(m->name)) == m);
	if (in.n > TEXT_MAX)
		return 0;
	err_clear(&e);
	sasl_start(&x, m, &who);
	if (m->server_first)
		challenge = fuzz_part(&in);
	for (turn = 0; turn < 6; turn++) {
		text_fixed(&out, answer, sizeof(answer));
		if (sasl_answer(&x, challenge.at, challenge.n, &out, &e) == -1) {
			must(e.kind == ERR_AUTH || e.kind == ERR_TEMP || e.kind == ERR_CONFIG);
			break;
		}
		must(e.kind == ERR_NONE && x.round == turn + 1 && turn < 3);
		check_done(&x, &challenge);
		check_answer(&x, &out, &challenge);
		challenge = fuzz_part(&in);
	}
	must(turn < 6);
	sasl_end(&x);
	return 0;
}
