/* SPDX-License-Identifier: ISC */
/* aliases.c: an aliases file, and whom it leads to (aliases.c, envelope.c). */
#include "aliases.h"
#include "envelope.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 1024

static void
check_names(const struct aliases *a)
{
	const struct alias *found;
	size_t i, k, n, same;

	for (i = 0; i < a->n; i++) {
		must(a->list[i].name[0] != '\0');
		found = aliases_find(a, a->list[i].name, &n);
		must(found != NULL && found <= &a->list[i] && &a->list[i] < found + n);
		for (k = same = 0; k < a->n; k++)
			same += text_same(a->list[k].name, a->list[i].name);
		must(same == n);
		must(i == 0 || !text_same(a->list[i - 1].name, a->list[i].name) ||
			a->list[i - 1].order < a->list[i].order);
	}
	must(aliases_find(a, "nobody has this name", &n) == NULL);
}

/* Whoever an alias leads to can stand in RCPT; and it leads to somebody. */
static void
follow(const struct aliases *a, const char *name)
{
	const struct envelope_rules rules = {a, "mail.test", "client.test"};
	static struct addr_box box, one;
	struct envelope env;
	struct err e;
	size_t i;

	err_clear(&e);
	if (addr_one(name, "x", &box, &e) == -1 || box.null)
		return;
	envelope_init(&env);
	if (envelope_add(&env, &rules, &box, &e) == 0) {
		must(e.kind == ERR_NONE && env.n > 0);
		must(envelope_unique(&env, &e) == 0 || fuzz_memory > 0);
		for (i = 0; i < env.n && i < 16; i++)
			must(addr_one(env.rcpts[i].address, "x", &one, &e) == 0 &&
				one.domain != NULL);
	} else
		must(e.kind == ERR_DATA || e.kind == ERR_CONFIG ||
			(e.kind == ERR_SYSTEM && fuzz_memory > 0));
	envelope_free(&env);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct profile_entry entry = {.section = (char *)"aliases",
		.key = (char *)"root",
		.value = (char *)"admin@x.test"};
	static struct profile_file f = {.entries = &entry, .n = 1};
	struct fuzz_input in = {(const char *)data, size};
	unsigned memory = fuzz_option(&in);
	struct aliases a;
	struct err e;
	size_t i;

	if (in.n > TEXT_MAX)
		return 0;
	fuzz_file(FUZZ_FILE, in.at, in.n, 0);
	fuzz_memory = memory < 16 ? memory : 0;
	aliases_init(&a);
	err_clear(&e);
	if (aliases_load(&a, &f, FUZZ_PATH, &e) == 0) {
		must(e.kind == ERR_NONE);
		check_names(&a);
		(void)aliases_check(&a, &e);
		for (i = 0; i < a.n && i < 8; i++)
			follow(&a, a.list[i].name);
		follow(&a, "bob");
	} else
		must(e.kind == ERR_CONFIG || (e.kind == ERR_SYSTEM && fuzz_memory > 0));
	aliases_free(&a);
	fuzz_memory = 0;
	return 0;
}
