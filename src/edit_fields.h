/* SPDX-License-Identifier: ISC */
/* edit_fields.h: what edit.c, which has the fields that came, and edit_add.c say to each other. */
#ifndef MAILCHUTE_EDIT_FIELDS_H
#define MAILCHUTE_EDIT_FIELDS_H

#include "edit.h"

/* True for what doesn't leave: by its name or, unless relay is set, because it says nothing. */
bool edit_leaves_out(const struct message *m, const struct message_field *f, bool relay);

/* The domain without case, the local part with it. */
bool edit_same_address(const char *a, const char *b);

/* Adds to m->ready what is missing, then what the rules want; notes: of the fields that came. */
void edit_add(struct message *m, const struct edit_rules *rules, struct edit_notes *notes);

#endif
