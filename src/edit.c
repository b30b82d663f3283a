/* SPDX-License-Identifier: ISC */
/* edit.c: the header that leaves, made from the one that came. Reads no body. */
#include "edit_fields.h"
#include "words.h"

#include <string.h>

/* Bytes of fields that are added, usually. */
#define ADDED_ROOM 1000

/* An edit under way. */
struct editing {
	struct message *m;
	const struct edit_rules *rules;
	struct edit_notes *notes;
	struct text field; /* the field being made */
	bool is_from;      /* it is From */
	bool is_list;      /* it is To or Cc */
};

static bool
is_blank_text(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!text_is_blank(s[i]) && s[i] != '\r' && s[i] != '\n')
			return false;
	}
	return true;
}

static void
note_address(struct edit_notes *notes, const struct addr_box *box)
{
	if (box->eight_bit && notes->eight_bit_address[0] == '\0')
		memcpy(notes->eight_bit_address, box->address, sizeof(box->address));
}

bool
edit_same_address(const char *a, const char *b)
{
	const char *at_a = strrchr(a, '@'), *at_b = strrchr(b, '@');

	if (at_a == NULL || at_b == NULL)
		return strcmp(a, b) == 0;
	return at_a - a == at_b - b && memcmp(a, b, (size_t)(at_a - a)) == 0 &&
	       text_same(at_a + 1, at_b + 1);
}

/* The address in place of this one, or NULL: From may be forced. */
static const char *
forced(const struct editing *ed, const struct addr_box *box)
{
	if (!ed->is_from || ed->rules->forced_from == NULL)
		return NULL;
	if (ed->rules->force_foreign &&
		(box->domain == NULL || text_same(box->domain, ed->rules->domain)))
		return NULL;
	return ed->rules->forced_from;
}

/*
 * The addresses that an alias in To or Cc leads to. The first takes its place; within angle
 * brackets there is room for one only, so that the others go to the field's end.
 */
static bool
add_alias(struct editing *ed, const struct addr_box *box, struct text *rest)
{
	struct err ignored = {.kind = ERR_NONE};
	struct envelope env;
	const char *eight_bit;
	bool in_brackets = box->angle, done = false;
	size_t i;

	envelope_init(&env);
	if (envelope_add(&env, ed->rules->rewrite, box, &ignored) == 0 && env.n > 0) {
		for (i = 0; i < env.n; i++) {
			struct text *to = i > 0 && in_brackets ? rest : &ed->field;

			text_puts(to, i > 0 ? ", " : "");
			text_puts(to, env.rcpts[i].address);
		}
		eight_bit = envelope_eight_bit(&env);
		if (eight_bit != NULL && ed->notes->eight_bit_address[0] == '\0')
			(void)text_format(ed->notes->eight_bit_address, ADDR_SIZE, "%s", eight_bit);
		done = true;
	}
	envelope_free(&env);
	return done;
}

/* An address with its domain, as others would see it. */
static void
qualify(const struct editing *ed, const struct addr_box *box, char *out)
{
	(void)text_format(out, ADDR_SIZE, "%s%s%s", box->address, box->domain == NULL ? "@" : "",
		box->domain == NULL ? ed->rules->domain : "");
}

static void
note_replaced(struct editing *ed, const struct addr_box *box, const char *other)
{
	char old[ADDR_SIZE];

	qualify(ed, box, old);
	if (!box->null && ed->notes->replaced[0] == '\0' && !edit_same_address(old, other))
		memcpy(ed->notes->replaced, old, sizeof(old));
}

static void
edit_address(struct editing *ed, const char *s, const struct addr_box *box, struct text *rest)
{
	const char *other = forced(ed, box);

	if (other != NULL)
		text_puts(&ed->field, other);
	else if (ed->is_list && ed->rules->rewrite != NULL && add_alias(ed, box, rest))
		return;
	else {
		text_add(&ed->field, s + box->spec.start, box->spec.end - box->spec.start);
		if (box->domain == NULL && !box->null)
			text_printf(&ed->field, "@%s", ed->rules->domain);
	}
	if (other == NULL)
		note_address(ed->notes, box);
	else
		note_replaced(ed, box, other);
}

/* From's first address, as others would see it. */
static void
note_from(struct editing *ed, const struct addr_box *box)
{
	if (!ed->is_from || ed->notes->from[0] != '\0' || box->null)
		return;
	qualify(ed, box, ed->notes->from);
}

/* A list of mailboxes: what is between the addresses is encoded, bare addresses are qualified. */
static int
edit_addresses(struct editing *ed, const char *s, size_t n)
{
	struct err e = {.kind = ERR_NONE};
	struct addr_list l;
	struct addr_box box;
	struct text rest;
	size_t done = 0, end = n;
	int got;

	text_heap(&rest, MESSAGE_HEADER_MAX);
	addr_open(&l, s, n, true);
	while (end > 0 && (s[end - 1] == '\r' || s[end - 1] == '\n'))
		end--;
	while ((got = addr_next(&l, &box, &e)) == 1) {
		words_structured(&ed->field, s + done, box.spec.start - done);
		note_from(ed, &box);
		edit_address(ed, s, &box, &rest);
		done = box.spec.end;
	}
	words_structured(&ed->field, s + done, end > done ? end - done : 0);
	text_add(&ed->field, rest.at, rest.len);
	text_puts(&ed->field, "\r\n");
	text_cut_as(&ed->field, &rest);
	text_free(&rest);
	return got;
}

static void
edit_body(struct editing *ed, const struct message_field *f, const char *body, size_t n)
{
	size_t start = ed->field.len;

	if ((f->traits & FIELD_ADDRESSES) != 0) {
		if (edit_addresses(ed, body, n) == 0)
			return;
		/* Not ours to mend; a mail must not fail by it. */
		ed->notes->odd_addresses = true;
		ed->field.len = start;
		if (ed->is_from && ed->rules->forced_from != NULL) {
			text_printf(&ed->field, " %s\r\n", ed->rules->forced_from);
			return;
		}
	} else if ((f->traits & FIELD_FIXED) == 0 && words_eight_bit(body, n) &&
		   words_utf8(body, n)) {
		words_unstructured(&ed->field, body, n);
		return;
	}
	text_add(&ed->field, body, n);
}

static void
edit_field(struct editing *ed, const struct message_field *f)
{
	const char *at = ed->m->header.at;

	ed->field.len = 0;
	ed->is_from = message_is(ed->m, f, "From");
	ed->is_list = message_is(ed->m, f, "To") || message_is(ed->m, f, "Cc");
	text_add(&ed->field, at + f->start, f->name_len);
	text_char(&ed->field, ':');
	edit_body(ed, f, at + f->body, f->end - f->body);
	words_fold(&ed->m->ready, ed->field.at, ed->field.len, (f->traits & FIELD_ADDRESSES) != 0,
		words_eight_bit(at + f->body, f->end - f->body) &&
			!words_eight_bit(ed->field.at, ed->field.len));
	text_cut_as(&ed->m->ready, &ed->field);
}

bool
edit_leaves_out(const struct message *m, const struct message_field *f, bool relay)
{
	if ((f->traits & FIELD_DROPPED) != 0)
		return true;
	if (relay)
		return false;
	if ((f->traits & FIELD_LOCAL) != 0)
		return true;
	return (f->traits & FIELD_ADDRESSES) != 0 &&
	       is_blank_text(m->header.at + f->body, f->end - f->body);
}

/* The message's own Message-ID, for the log. */
static void
note_id(const struct message *m, struct edit_notes *notes)
{
	struct text id;
	const char *body;
	size_t i, n;

	text_fixed(&id, notes->id, sizeof(notes->id));
	for (i = 0; i < m->n; i++) {
		if (!message_is(m, &m->fields[i], "Message-ID"))
			continue;
		body = m->header.at + m->fields[i].body;
		n = m->fields[i].end - m->fields[i].body;
		while (n > 0 && (text_is_blank(*body) || *body == '\r' || *body == '\n')) {
			body++;
			n--;
		}
		while (n > 0 && (text_is_blank(body[n - 1]) || text_is_control(body[n - 1])))
			n--;
		text_masked(&id, body, n);
		return;
	}
}

/* As it came, but for those who must not be seen. */
static void
copy_header(struct message *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct message_field *f = &m->fields[i];

		if (!edit_leaves_out(m, f, true))
			text_add(&m->ready, m->header.at + f->start, f->end - f->start);
	}
}

static void
count_hops(const struct message *m, struct edit_notes *notes)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		notes->received += message_is(m, &m->fields[i], "Received");
}

static void
edit_header(struct message *m, const struct edit_rules *rules, struct edit_notes *notes)
{
	struct editing ed = {.m = m, .rules = rules, .notes = notes};
	size_t i;

	text_heap(&ed.field, 8 * MESSAGE_HEADER_MAX);
	for (i = 0; i < m->n; i++) {
		if (!edit_leaves_out(m, &m->fields[i], false))
			edit_field(&ed, &m->fields[i]);
	}
	text_free(&ed.field);
	edit_add(m, rules, notes);
}

int
edit_message(
	struct message *m, const struct edit_rules *rules, struct edit_notes *notes, struct err *e)
{
	*notes = (struct edit_notes){.received = 0};
	note_id(m, notes);
	count_hops(m, notes);
	text_reserve(&m->ready, m->header.len + ADDED_ROOM);
	if (rules->relay)
		copy_header(m);
	else
		edit_header(m, rules, notes);
	message_forget(m);
	return m->ready.cut ? message_header_cut(&m->ready, e) : 0;
}
