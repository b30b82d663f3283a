/* SPDX-License-Identifier: ISC */
/* command.h: the first line that a program prints. Knows no profile; there is no shell in it. */
#ifndef MAILCHUTE_COMMAND_H
#define MAILCHUTE_COMMAND_H

#include "err.h"
#include "text.h"

/* How long a program may take, milliseconds. */
#define COMMAND_TIME 10000

/*
 * Runs the program that the words of line name (separated by blanks, the first one an absolute
 * path; '...' and "..." keep blanks), and adds its first line to out. It gets /dev/null for stdin
 * and stderr, no other descriptor, and of the environment a PATH of our own. key: for the words.
 * Errors: ERR_CONFIG where the line or the program is wrong, ERR_TEMP where it failed or took too
 * long (it is killed then, with all it started), ERR_SYSTEM.
 */
int command_read(const char *key, const char *line, struct text *out, struct err *e);

#endif
