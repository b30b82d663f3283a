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
	MODE_SMTP,    /* -bs: SMTP on stdin and stdout */
	MODE_VERIFY,  /* -bv: ask the server about each recipient */
	MODE_QUEUE,   /* -bp: print the queue, which is always empty */
	MODE_COUNT,   /* -bP: the number of messages in it */
	MODE_ALIASES, /* -bi: check the aliases */
	MODE_NOTHING, /* -q, -bh: there is nothing to run and no host to tell of */
	MODE_DAEMON,  /* -bd: there is none */
	MODE_TEST,    /* -bt: mailchute's own command does that */
};

/* A command line, taken apart. The strings are argv's. */
struct request {
	enum flags_mode mode;
	bool from_header;      /* -t */
	const char *sender;    /* -f, -r: the last; NULL: none */
	const char *full_name; /* -F */
	const char *section;   /* --profile= */
	const char *tag;       /* -L; NULL: our name */
	const char *notify;    /* -N as given; NULL: none */
	const char *ret;       /* -R */
	const char *envid;     /* -V */
	const char *body;      /* -B */
	const char *hops;      /* -h */
	const char *timeout;   /* -or */
	unsigned verbose;      /* -v, counted */
	bool quiet;            /* -oeq: no word on stderr */
	bool keep_dots;        /* -i: a lone dot never ends the input */
	bool relay;            /* -G: the header stays as it is */
	bool no_aliases;       /* -n */
	bool no_to;            /* NoRecipientAction=none: no To is added */
	bool utf8;             /* -U */
	bool v4, v6;           /* -4, -6 */
	bool help, version;    /* act only where nothing is to be sent */
	const char **operands;
	size_t n;
	struct text ignored; /* flags that were swallowed, for the log */
};

/*
 * Takes argv[1..] apart: flags and operands in any order, clusters, attached and separate
 * arguments, -- ends the flags. name: argv[0]'s last part, whose personality (mailq, rmail..)
 * counts. An unknown flag is noted, never an error. Errors: ERR_SYSTEM, and ERR_USAGE where a flag
 * lacks its argument. The caller clears the request in any case.
 */
int flags_parse(struct request *r, const char *name, int argc, char *const argv[], struct err *e);
void flags_clear(struct request *r);

/* True where a message is to be sent: there is a recipient, or -t. */
bool flags_asks_to_send(const struct request *r);

#endif
