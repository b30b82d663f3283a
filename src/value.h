/* SPDX-License-Identifier: ISC */
/* value.h: the kinds of values that a profile's keys have. Knows no key by name. */
#ifndef MAILCHUTE_VALUE_H
#define MAILCHUTE_VALUE_H

#include "err.h"
#include "text.h"
#include "world.h"

#include <stdbool.h>
#include <stddef.h>

enum value_kind {
	VALUE_TEXT,    /* char *: any words */
	VALUE_SECRET,  /* char *: never shown, wiped */
	VALUE_PATH,    /* char *: one of the words, or an absolute path ("*": a bare name too) */
	VALUE_HOST,    /* char *: a host name or [address] */
	VALUE_COMMAND, /* char *: an absolute program and its words; no ${NAME} in it */
	VALUE_ADDRESS, /* char *: one mailbox; %u and %h may stand in it */
	VALUE_HOSTS,   /* struct value_hosts: name, name:port, [v6]:port; several */
	VALUE_WORD,    /* int: the number of the word, counted from low */
	VALUE_WORDS,  /* char *: some of the words, separated by blanks; the first two alone only */
	VALUE_YES,    /* bool */
	VALUE_NUMBER, /* int, low to high */
	VALUE_PORT,   /* int: the same, or VALUE_PORT_AUTO */
	VALUE_LIST,   /* struct value_list: one item a line */
	VALUE_PINS,   /* struct value_list: sha256:BASE64, several a line */
	VALUE_SIZE,   /* int, bytes: 65536, 64K, 25M */
	VALUE_TIME,   /* int, seconds, low to high: 10s 5m 1h, a bare number is seconds */
};

/* A row of the table of keys. */
struct value_key {
	char name[20]; /* within the row: a pointer would cost its relocation besides */
	enum value_kind kind;
	size_t field; /* offset in the struct that is filled */
	const char *words;
	int low, high;
	char fallback[8]; /* "": the field stays zero */
};

/* "auto": 465 or 587, whichever serves. */
#define VALUE_PORT_AUTO (-1)

/* What to dial. port and tls are 0 where the text doesn't say. */
struct value_host {
	char *name; /* as it is given to DNS: no brackets; a trailing dot stays */
	int port;
	int tls;
};

#define VALUE_HOSTS_MAX 16

struct value_hosts {
	struct value_host list[VALUE_HOSTS_MAX];
	size_t n;
};

#define VALUE_LIST_MAX 64

struct value_list {
	char *item[VALUE_LIST_MAX];
	size_t n;
};

/* The longest value, ${NAME} expanded, with its NUL. */
#define VALUE_EXPANDED_MAX 4096

/*
 * text with each ${NAME} as the environment has it ($${ is a plain ${) into out. -1 with ERR_CONFIG
 * and the reason alone in why: not set, too long, a control character in it.
 */
int value_expand(const char *text, const struct world *w, char *out, size_t size, struct err *why);

/* True where an indented line may go on with the key. */
bool value_is_list(const struct value_key *key);

/*
 * Expands ${NAME} in text, checks it and puts it into the field of base. continues: one more for a
 * list. of_home: ~/ may stand before a path. Returns -1 with ERR_CONFIG and the reason alone in why,
 * or ERR_SYSTEM where memory ran out.
 */
int value_set(const struct value_key *key, void *base, const char *text, bool continues,
	bool of_home, const struct world *w, struct err *why);

/* Frees, and wipes where it is a secret. */
void value_clear(const struct value_key *key, void *base);

/* Adds "name:port". */
void value_host_words(const struct value_host *h, struct text *out);

/* Adds "name = value\n", secrets as ***; nothing where the field isn't set. */
void value_show(const struct value_key *key, const void *base, struct text *out);

#endif
