/* SPDX-License-Identifier: ISC */
/* letter.c: a dead letter read again: who still waits for it, and what is written into it (dead_file.c). */
#include "dead.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 2048

static struct spool spool;

/* Behind the first line that is the marker, or NULL. */
static const char *
behind_marker(const char *at, size_t n)
{
	static const char marker[] = "\n" DEAD_MARKER "\n";
	const char *found = memmem(at, n, marker, sizeof(marker) - 1);

	return found != NULL ? found + sizeof(marker) - 1 : NULL;
}

static void
check_letter(struct dead_letter *d, const struct fuzz_input *in)
{
	static struct addr_box box;
	const char *message = behind_marker(in->at, in->n), *place;
	struct err e;
	size_t i;

	must(message != NULL && spool.size == (size_t)(in->at + in->n - message));
	must(d->envelope->n > 0 && d->section[0] != '\0' &&
		!fuzz_has_control(d->section, strlen(d->section)));
	must(dead_count(d, DEAD_SENT) == 0);
	for (i = 0; i < d->envelope->n; i++) {
		err_clear(&e);
		must(addr_one(d->envelope->rcpts[i].address, "x", &box, &e) == 0 &&
			box.domain != NULL);
		must(d->envelope->rcpts[i].fate == RCPT_OPEN);
		/* Words are written over words, in the head. */
		place = in->at + d->places[i];
		must(place >= in->at + 4 && memcmp(place - 4, "To: ", 4) == 0 &&
			place + DEAD_WORD_LEN < message);
		/* One word half written over another is doubt. */
		must(memcmp(place, dead_words[d->states[i]], DEAD_WORD_LEN) == 0 ||
			d->states[i] == DEAD_UNKNOWN);
	}
}

/* The first recipients got it, the others were refused: who is left is written down. */
static void
settle(struct dead_letter *d, size_t sent)
{
	struct err e;
	size_t i;
	bool over;

	err_clear(&e);
	fuzz_written.n = 0;
	must(dead_doubt(d, &e) == 0 && fuzz_written.n == d->envelope->n * DEAD_WORD_LEN);
	for (i = 0; i < d->envelope->n; i++)
		envelope_decide(&d->envelope->rcpts[i], i < sent ? RCPT_DELIVERED : RCPT_REFUSED,
			550, NULL);
	fuzz_written.n = 0;
	over = dead_settle(d, &e);
	must(e.kind == ERR_NONE && over == (sent >= d->envelope->n));
	for (i = 0; i < d->envelope->n; i++)
		must((memcmp(fuzz_written.at + i * DEAD_WORD_LEN, dead_words[DEAD_SENT],
			      DEAD_WORD_LEN) == 0) == (i < sent));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	struct envelope env;
	struct dead_letter d;
	struct err e;

	if (in.n > TEXT_MAX)
		return 0;
	fuzz_file(FUZZ_FILE, in.at, in.n, option / 4);
	err_clear(&e);
	envelope_init(&env);
	spool_init(&spool);
	if (dead_read(&d, &env, &spool, FUZZ_PATH, 0, &e) == 0) {
		must(e.kind == ERR_NONE);
		check_letter(&d, &in);
		settle(&d, option % 4);
	} else
		must(e.kind == ERR_DATA);
	dead_close(&d);
	envelope_free(&env);
	spool_close(&spool);
	return 0;
}
