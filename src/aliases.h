/* SPDX-License-Identifier: ISC */
/* aliases.h: names and what they stand for, from [aliases] and an aliases file. Sends nothing. */
#ifndef MAILCHUTE_ALIASES_H
#define MAILCHUTE_ALIASES_H

#include "err.h"
#include "profile.h"

#include <stddef.h>

/* One value of one name; a name may have several. */
struct alias {
	const char *name, *value;
	size_t order;
};

struct aliases {
	struct alias *list; /* sorted by name (without case), then as they stood */
	size_t n;
	size_t text_len;
	char *text; /* the file's, that names and values point into */
};

/* None at all. */
void aliases_init(struct aliases *a);
void aliases_free(struct aliases *a);

/*
 * Takes [aliases] of the profile, and the file at path (NULL: none) in the syntax of /etc/aliases:
 * "name: value, value", names in quotes, lines that begin with a blank go on, # begins a comment.
 * Errors: ERR_CONFIG (unreadable, over 4 MiB, or a line that is neither, by its number),
 * ERR_SYSTEM.
 */
int aliases_load(struct aliases *a, const struct profile_file *f, const char *path, struct err *e);

/* The first of *n values of a name (each is an address list), or NULL. */
const struct alias *aliases_find(const struct aliases *a, const char *name, size_t *n);

/* ERR_CONFIG, with the name, where any value leads elsewhere than to addresses. */
int aliases_check(const struct aliases *a, struct err *e);

#endif
