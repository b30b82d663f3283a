/* SPDX-License-Identifier: ISC */
/* address.c: who sends, and to whom, by which section: from command line and header. Sends nothing. */
#include "post.h"

#include <string.h>

/* -t: To, Cc, Bcc; where any Resent- field stands, those of the resending instead. */
static int
add_from_header(const struct post *p, struct letter *l, struct err *e)
{
	const struct message *m = &l->message;
	unsigned resent = 0;
	size_t i;

	for (i = 0; i < m->n; i++)
		resent |= m->fields[i].traits & FIELD_RESENT;
	for (i = 0; i < m->n; i++) {
		const struct message_field *f = &m->fields[i];

		if ((f->traits & FIELD_RECIPIENTS) == 0 || (f->traits & FIELD_RESENT) != resent)
			continue;
		if (letter_add_list(p, l, m->header.at + f->body, f->end - f->body, true, e) == -1)
			return -1;
	}
	return 0;
}

static int
find_recipients(const struct post *p, struct letter *l, struct err *e)
{
	const struct request *r = p->request;
	size_t i;

	if (r->from_header && add_from_header(p, l, e) == -1)
		return -1;
	for (i = 0; i < r->n; i++) {
		if (letter_add_list(p, l, r->operands[i], strlen(r->operands[i]), false, e) == -1)
			return -1;
	}
	if (l->envelope.n == 0)
		return err_set(e, ERR_USAGE,
			r->from_header
				? "no recipient in To, Cc and Bcc, and none on the command line"
				: "no recipients: name them, or use -t to take them from the "
				  "header");
	return envelope_unique(&l->envelope, e);
}

/* By the section that is in force. */
static int
address(const struct post *p, struct letter *l, struct err *e)
{
	envelope_free(&l->envelope);
	if (origin_find(&l->origin, &p->profile, p->world, p->request->sender, e) == -1)
		return -1;
	memcpy(l->envelope.from, l->origin.sender, sizeof(l->envelope.from));
	return find_recipients(p, l, e);
}

/*
 * The section that fits sender, user and recipients. What can't be addressed by [default] may still
 * be by the section that is chosen: so its errors don't count here.
 */
static int
pick_section(struct post *p, struct letter *l, struct err *e)
{
	struct err ignored = {.kind = ERR_NONE};

	if (p->request->section != NULL || profile_section(&p->file, 0) == NULL)
		return 0;
	if (address(p, l, &ignored) == -1) {
		/* Some of the recipients aren't all: no rcpt: pattern may fit them. */
		envelope_free(&l->envelope);
		memcpy(l->envelope.from, l->origin.sender, sizeof(l->envelope.from));
	}
	return post_pick_section(p, l, e);
}

int
letter_address(struct post *p, struct letter *l, struct err *e)
{
	return pick_section(p, l, e) == -1 ? -1 : address(p, l, e);
}
