/* SPDX-License-Identifier: ISC */
/* edit.c: the header that leaves, made from the one that came. Reads no body. */
#include "edit.h"
#include "words.h"

#include <string.h>

/* An edit under way. */
struct editing {
	struct message *m;
	const struct edit_rules *rules;
	struct edit_notes *notes;
	struct text field; /* the field being made */
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

/* A list of mailboxes: what is between the addresses is encoded, bare addresses are qualified. */
static int
edit_addresses(struct editing *ed, const char *s, size_t n)
{
	struct err e = {.kind = ERR_NONE};
	struct addr_list l;
	struct addr_box box;
	size_t done = 0;
	int got;

	addr_open(&l, s, n, true);
	while ((got = addr_next(&l, &box, &e)) == 1) {
		words_structured(&ed->field, s + done, box.spec.start - done);
		text_add(&ed->field, s + box.spec.start, box.spec.end - box.spec.start);
		if (box.domain == NULL && !box.null)
			text_printf(&ed->field, "@%s", ed->rules->domain);
		done = box.spec.end;
		note_address(ed->notes, &box);
	}
	words_structured(&ed->field, s + done, n - done);
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
	text_add(&ed->field, at + f->start, f->name_len);
	text_char(&ed->field, ':');
	edit_body(ed, f, at + f->body, f->end - f->body);
	words_fold(&ed->m->ready, ed->field.at, ed->field.len, (f->traits & FIELD_ADDRESSES) != 0);
	ed->m->ready.cut = ed->m->ready.cut || ed->field.cut;
}

/* True for what doesn't leave: by its name, or because it says nothing. */
static bool
is_left_out(const struct message *m, const struct message_field *f)
{
	if ((f->traits & FIELD_DROPPED) != 0)
		return true;
	return (f->traits & FIELD_ADDRESSES) != 0 &&
	       is_blank_text(m->header.at + f->body, f->end - f->body);
}

static bool
has(const struct message *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (message_is(m, &m->fields[i], name) && !is_left_out(m, &m->fields[i]))
			return true;
	}
	return false;
}

/* RFC 5322 3.3, in UTC: musl would open the file that $TZ names for local time. */
static void
add_date(struct text *out, time_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm utc;

	if (gmtime_r(&now, &utc) == NULL)
		return;
	text_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * utc.tm_wday,
		utc.tm_mday, months + 3 * utc.tm_mon, utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
		utc.tm_sec);
}

/* Time and chance, never the content: two equal alerts are two messages. */
static void
add_id(struct text *out, const struct edit_rules *rules, struct edit_notes *notes)
{
	struct text id;
	size_t i;

	text_fixed(&id, notes->id, sizeof(notes->id));
	text_printf(&id, "<%lld.", (long long)rules->now);
	for (i = 0; i < sizeof(rules->random); i++)
		text_printf(&id, "%02x", rules->random[i]);
	text_printf(&id, "@%s>", rules->domain);
	text_printf(out, "Message-ID: %s\r\n", notes->id);
}

static void
add_from(struct text *out, const struct edit_rules *rules)
{
	text_puts(out, "From: ");
	if (rules->full_name != NULL && rules->full_name[0] != '\0') {
		words_phrase(out, rules->full_name, strlen(rules->full_name));
		text_printf(out, " <%s>\r\n", rules->from);
		return;
	}
	text_printf(out, "%s\r\n", rules->from);
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

int
edit_message(struct message *m, const struct edit_rules *rules, struct edit_notes *notes,
	struct err *e)
{
	struct editing ed = {.m = m, .rules = rules, .notes = notes};
	size_t i;

	*notes = (struct edit_notes){.odd_addresses = false};
	note_id(m, notes);
	text_heap(&ed.field, 4 * MESSAGE_HEADER_MAX);
	for (i = 0; i < m->n; i++) {
		if (!is_left_out(m, &m->fields[i]))
			edit_field(&ed, &m->fields[i]);
	}
	text_free(&ed.field);
	if (!has(m, "Date"))
		add_date(&m->ready, rules->now);
	if (!has(m, "Message-ID"))
		add_id(&m->ready, rules, notes);
	if (!has(m, "From")) {
		add_from(&m->ready, rules);
		if (notes->eight_bit_address[0] == '\0' &&
			words_eight_bit(rules->from, strlen(rules->from)))
			(void)text_format(notes->eight_bit_address, sizeof(notes->eight_bit_address),
				"%s", rules->from);
	}
	if (!has(m, "To") && !has(m, "Cc"))
		text_puts(&m->ready, "To: undisclosed-recipients:;\r\n");
	return m->ready.cut ? err_set(e, ERR_SYSTEM, "no memory for the header") : 0;
}
