/* SPDX-License-Identifier: ISC */
/* edit_add.c: the fields that a header lacks, and those that the profile wants. Edits none. */
#include "edit_fields.h"
#include "words.h"

#include <string.h>
#include <strings.h>

static bool
has(const struct message *m, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		const struct message_field *f = &m->fields[i];

		if (f->name_len == len && strncasecmp(m->header.at + f->start, name, len) == 0 &&
			!edit_leaves_out(m, f, false))
			return true;
	}
	return false;
}

static bool
lacks(const struct message *m, const char *name)
{
	return !has(m, name, strlen(name));
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
	struct text field;

	text_heap(&field, MESSAGE_HEADER_MAX);
	text_puts(&field, "From: ");
	if (rules->full_name != NULL && rules->full_name[0] != '\0') {
		words_phrase(&field, rules->full_name, strlen(rules->full_name));
		text_printf(&field, " <%s>\r\n", rules->from);
	} else
		text_printf(&field, "%s\r\n", rules->from);
	words_fold(out, field.at, field.len, true,
		words_eight_bit(rules->full_name != NULL ? rules->full_name : "",
			rules->full_name != NULL ? strlen(rules->full_name) : 0));
	text_cut_as(out, &field);
	text_free(&field);
}

static void
add_missing(struct message *m, const struct edit_rules *rules, struct edit_notes *notes)
{
	if (lacks(m, "Date"))
		add_date(&m->ready, rules->now);
	if (lacks(m, "Message-ID"))
		add_id(&m->ready, rules, notes);
	if (lacks(m, "From")) {
		add_from(&m->ready, rules);
		(void)text_format(notes->from, sizeof(notes->from), "%s", rules->from);
		if (notes->eight_bit_address[0] == '\0' &&
			words_eight_bit(rules->from, strlen(rules->from)))
			memcpy(notes->eight_bit_address, notes->from, sizeof(notes->from));
	}
	if (!rules->no_to && lacks(m, "To") && lacks(m, "Cc"))
		text_puts(&m->ready, "To: undisclosed-recipients:;\r\n");
}

/* A field of the profile's own: encoded and folded like any other. */
static void
add_line(struct text *out, const char *line)
{
	size_t n = strlen(line);
	struct text field;

	text_heap(&field, MESSAGE_HEADER_MAX);
	if (words_eight_bit(line, n) && words_utf8(line, n))
		words_unstructured(&field, line, n);
	else
		text_add(&field, line, n);
	text_puts(&field, "\r\n");
	words_fold(out, field.at, field.len, false, words_eight_bit(line, n));
	text_cut_as(out, &field);
	text_free(&field);
}

/* What the profile wants besides. */
static void
add_wanted(struct message *m, const struct edit_rules *rules, struct edit_notes *notes)
{
	const char *reply_to = rules->reply_to, *from = notes->from;
	size_t i;

	/* Whoever answers should still reach the one who wrote. */
	if (notes->replaced[0] != '\0' && reply_to == NULL)
		reply_to = notes->replaced;
	if (notes->replaced[0] != '\0' && strcmp(notes->replaced, from) == 0)
		from = rules->forced_from;
	if (reply_to != NULL && lacks(m, "Reply-To")) {
		text_printf(&m->ready, "Reply-To: %s\r\n", reply_to);
		if (notes->eight_bit_address[0] == '\0' &&
			words_eight_bit(reply_to, strlen(reply_to)))
			(void)text_format(notes->eight_bit_address, ADDR_SIZE, "%s", reply_to);
	}
	if (rules->sender != NULL && lacks(m, "Sender") && !edit_same_address(rules->sender, from))
		text_printf(&m->ready, "Sender: %s\r\n", rules->sender);
	for (i = 0; i < rules->added_n; i++) {
		if (!has(m, rules->added[i], strcspn(rules->added[i], ":")))
			add_line(&m->ready, rules->added[i]);
	}
}

void
edit_add(struct message *m, const struct edit_rules *rules, struct edit_notes *notes)
{
	add_missing(m, rules, notes);
	add_wanted(m, rules, notes);
}
