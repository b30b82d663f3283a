/* SPDX-License-Identifier: ISC */
/* profile_lines.h: the lines of a profile, checked; profile_file.c reads them from where they are. */
#ifndef MAILCHUTE_PROFILE_LINES_H
#define MAILCHUTE_PROFILE_LINES_H

#include "profile.h"

/*
 * Fills f->entries from text (len bytes, a NUL behind them), which is changed on the way. Error:
 * ERR_CONFIG with all complaints in one sentence, ERR_SYSTEM.
 */
int profile_read_lines(
	struct profile_file *f, const struct world *w, char *text, size_t len, struct err *e);

/* The first line of a section with this key; NULL: there is none. Aliases have no case. */
const struct profile_entry *
profile_entry(const struct profile_file *f, const char *section, const char *key);

/* Wipes and frees what the entry holds. */
void profile_free_entry(struct profile_entry *entry);

#endif
