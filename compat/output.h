/* SPDX-License-Identifier: ISC */
/* output.h: what a person sees: one line on stderr, or a text on stdout. Decides nothing. */
#ifndef MAILCHUTE_OUTPUT_H
#define MAILCHUTE_OUTPUT_H

#define OUTPUT_VERSION "mailchute 0.1.0\n"

extern const char output_help[];
#define OUTPUT_HELP output_help

/* "WHO: WORDS\n" on stderr, in one write; 2 KiB at most. */
void output_line(const char *who, const char *words);

/* Lines as they are, on stderr. */
void output_error_text(const char *text);

/* A text on stdout. Returns -1 where it can't be written. */
int output_text(const char *text);

#endif
