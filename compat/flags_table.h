/* SPDX-License-Identifier: ISC */
/* flags_table.h: which flags, modes, names and long options there are. Acts on none. */
#ifndef MAILCHUTE_FLAGS_TABLE_H
#define MAILCHUTE_FLAGS_TABLE_H

#include "flags.h"

/* How a flag comes by its argument. */
enum flags_arity {
	NONE,     /* it has none: the next letter of the word is the next flag */
	ONE,      /* the rest of the word, or else the next word */
	ATTACHED, /* the rest of the word, which may be empty; never the next word */
	REST, /* the rest of the word, or the next word where the flag stands alone in its own */
};

/* What a flag does. */
enum flags_action {
	DROP,   /* nothing: it is noted */
	STRING, /* keeps its argument */
	SET,    /* sets a switch */
	VERBOSE,
	DEBUG,
	MODE,
	OPTION,
	NAMED_OPTION,
	ERRORS,
};

/* What a flag or a long option is. field: offset in struct request, of STRING and SET. */
struct flags_row {
	unsigned char arity, action;
	unsigned short field;
};

/* The row of a flag, and of a long option whose name has n bytes; false: there is none. */
bool flags_letter(struct flags_row *row, char letter);
bool flags_long(struct flags_row *row, const char *name, size_t n);

/* What -b with this value means; false: nothing. */
bool flags_mode(enum flags_mode *mode, const char *value);

/* Sets the mode if the name that we are called by stands for one. */
void flags_personality(enum flags_mode *mode, const char *name);

#endif
