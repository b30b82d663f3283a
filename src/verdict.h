/* SPDX-License-Identifier: ISC */
/* verdict.h: what came of it all, as one sentence and its kind. Decides nothing by itself. */
#ifndef MAILCHUTE_VERDICT_H
#define MAILCHUTE_VERDICT_H

#include "envelope.h"
#include "err.h"

#include <stdbool.h>

/* What is known at the end of a run besides the recipients' fates. */
struct verdict_facts {
	bool all;               /* recipients = all: nobody was to get it alone */
	const struct err *last; /* why the last try failed; ERR_NONE: it didn't, the fates tell */
	const char *causes;     /* of every try of the last round, "; " between them */
	unsigned rounds;
};

/* 0: delivered to every recipient. -1: e says what wasn't, and why. */
int verdict_give(const struct envelope *env, const struct verdict_facts *facts, struct err *e);

#endif
