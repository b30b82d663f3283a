/* SPDX-License-Identifier: ISC */
/* flags.h: sendmail's command line as data. Opens, runs and sends nothing. */
#ifndef MAILCHUTE_FLAGS_H
#define MAILCHUTE_FLAGS_H

#include "err.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* What is to be done. */
enum flags_mode {
	MODE_SEND,
	MODE_DAEMON,  /* 64 */
	MODE_NOTHING, /* 0, nothing read */
	MODE_SMTP,
	MODE_VERIFY,
	MODE_QUEUE,
	MODE_ALIASES,
	MODE_TEST,
};

/* A command line, taken apart. The strings are argv's. */
struct request {
	enum flags_mode mode;
	bool from_header;     /* -t */
	const char *sender;   /* -f, -r: the last; NULL: none */
	const char *full_name;
	const char *section;  /* --profile= */
	unsigned verbose;     /* -v, counted */
	bool quiet;           /* -oeq: no word on stderr */
	bool dots_end;        /* a lone dot may end the input (no -i, no -oi) */
	bool help, version;   /* act only where nothing is to be sent */
	const char **operands;
	size_t n;
	struct text ignored;  /* flags that were swallowed, for the log */
};

/*
 * Takes argv[1..] apart: flags and operands in any order, clusters, attached and separate
 * arguments, -- ends the flags. An unknown flag is noted, never an error. Errors: ERR_SYSTEM, and
 * ERR_USAGE where a flag lacks its argument. The caller clears the request in any case.
 */
int flags_parse(struct request *r, int argc, char *const argv[], struct err *e);
void flags_clear(struct request *r);

#endif
