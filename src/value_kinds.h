/* SPDX-License-Identifier: ISC */
/* value_kinds.h: the text of a value, made into a field; value.c has its life before and after. */
#ifndef MAILCHUTE_VALUE_KINDS_H
#define MAILCHUTE_VALUE_KINDS_H

#include "value.h"

/* What a value is read with. */
struct value_reading {
	const struct value_key *key;
	void *field;
	bool continues, of_home;
	const struct world *world;
	struct err *why;
};

/* Checks text, ${NAME} expanded, and puts it into the field. -1 with the reason in why. */
int value_read(const struct value_reading *r, const char *text);

/* Returns -1; fmt, with one %s for detail, goes into why, as ERR_CONFIG. */
int value_wrong(const struct value_reading *r, const char *fmt, const char *detail);

/* Free what stands there. */
void value_clear_hosts(struct value_hosts *hosts);
void value_clear_list(struct value_list *list);

#endif
