/* SPDX-License-Identifier: ISC */
/* message.c: a message read, edited, counted, emitted (message.c, edit.c, edit_add.c). */
#include "edit.h"
#include "fuzz.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 2048
#define OUT_MAX  (1 << 17)

static struct spool spool;
static size_t sink_max; /* bytes that a sink takes before it fails */
static struct message m;
static char plain[OUT_MAX], stuffed[OUT_MAX], body[OUT_MAX];

/* Rooms of every size. */
struct sink {
	char *at;
	size_t n, room, step, max;
};

static char *
sink_room(void *ctx, size_t *n)
{
	struct sink *s = ctx;

	s->room = DOT_ROOM + (s->room * 5 + s->step) % 61;
	if (s->n + s->room > s->max)
		return NULL;
	*n = s->room;
	return s->at + s->n;
}

static void
sink_put(void *ctx, size_t n)
{
	struct sink *s = ctx;

	must(n <= s->room);
	s->n += n;
}

/* A header of fields alone, none of them Bcc; returns where the body begins. */
static const char *
check_header(const char *at, const char *end, bool relay)
{
	bool date = false, id = false, from = false;
	const char *line, *colon;
	size_t n;

	must(m.ready.len == 0 || (m.ready.at[m.ready.len - 1] == '\n' && m.ready.at[0] > ' '));
	for (;; at = line + 1) {
		line = memchr(at, '\n', (size_t)(end - at));
		must(line != NULL);
		if (line == at + 1)
			break;
		if (*at == ' ' || *at == '\t')
			continue;
		colon = memchr(at, ':', (size_t)(line - at));
		must(colon != NULL && colon > at);
		for (n = (size_t)(colon - at); n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t');)
			n--;
		must(!text_same_n(at, n, "Bcc") && !text_same_n(at, n, "Resent-Bcc"));
		must(relay || (!text_same_n(at, n, "Return-Path") &&
				      !text_same_n(at, n, "Content-Length")));
		date = date || text_same_n(at, n, "Date");
		id = id || text_same_n(at, n, "Message-ID");
		from = from || text_same_n(at, n, "From");
	}
	must(relay || (date && id && from));
	return line + 1;
}

static bool
emit(bool stuff, size_t step, char *out, size_t *n, struct dot_facts *facts)
{
	struct sink s = {.at = out, .step = step, .max = sink_max};
	struct message_sink sink = {sink_room, sink_put, &s};
	struct err e;
	int result;

	err_clear(&e);
	result = message_emit(&m, stuff, &sink, facts, &e);
	must(e.kind == ERR_NONE && (result == 0 || s.n + s.room > s.max));
	*n = s.n;
	return result == 0;
}

static void
check_emitted(const struct fuzz_input *in, bool relay, size_t step)
{
	struct dot_facts facts, again;
	size_t n, len, i, k;
	const char *at;

	if (!emit(false, step, plain, &n, &facts) || !emit(true, step + 1, stuffed, &len, &again))
		return;
	must(fuzz_is_smtp(plain, n) && fuzz_is_smtp(stuffed, len));
	must(facts.size == n && m.facts.size == n && m.facts.dots == facts.dots &&
		m.facts.longest == facts.longest);
	must(again.size == n && len == n + facts.dots);
	for (i = k = 0; i < len; i++) {
		if (stuffed[i] == '.' && (i == 0 || stuffed[i - 1] == '\n'))
			must(i + 1 < len && stuffed[++i] == '.');
		must(k < n && stuffed[i] == plain[k++]);
	}
	must(k == n);
	at = check_header(plain, plain + n, relay);
	must(at == plain + m.ready.len + 2);
	i = fuzz_lines(in->at + m.body, in->n - (size_t)m.body, body);
	must(i == n - m.ready.len - 2 && memcmp(at, body, i) == 0);
}

static struct edit_rules
make_rules(unsigned option, const struct envelope_rules *rewrite)
{
	static const char *const added[] = {"X-Added: caf\xc3\xa9", "List-Id: <a.b>"};
	struct edit_rules r = {.domain = "mail.test", .from = "alice@mail.test", .now = 1800000000};

	r.full_name = (option & 1) != 0 ? "\xc3\x80lice, A." : NULL;
	r.relay = (option & 6) == 6;
	r.no_to = (option & 2) != 0;
	r.forced_from = (option & 4) != 0 ? "forced@mail.test" : NULL;
	r.force_foreign = (option & 8) != 0;
	r.sender = (option & 16) != 0 ? "sender@mail.test" : NULL;
	r.reply_to = (option & 16) != 0 ? "reply@mail.test" : NULL;
	if ((option & 16) != 0) {
		r.added = (char *const *)added;
		r.added_n = 2;
	}
	r.rewrite = (option & 32) != 0 ? rewrite : NULL;
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct alias list[] = {
		{"alias", "one@x.test, two", 0},
                {"two",   "\xc3\xa9@x.test", 1}
        };
	static const struct aliases aliases = {.list = list, .n = 2};
	static const struct envelope_rules rewrite = {&aliases, "mail.test", "client.test"};
	static struct edit_notes notes;
	struct fuzz_input in = {(const char *)data, size};
	struct edit_rules rules = make_rules(fuzz_option(&in), &rewrite);
	unsigned piece = fuzz_option(&in), memory = fuzz_option(&in), short_by;
	struct err e;

	if (in.n > TEXT_MAX)
		return 0;
	/* Half in memory, the rest in a file that gives few bytes at a time. */
	fuzz_file(FUZZ_FILE, in.at, in.n, piece);
	/* Which may have become shorter; and the connection may be lost. */
	short_by = memory >= 64 && memory < 96 ? memory - 63 : 0;
	sink_max = memory >= 96 && memory < 160 ? (memory - 95) * 4 : OUT_MAX;
	spool.size = in.n + short_by;
	spool.memory = (char *)in.at;
	spool.in_memory = piece % 2 == 0 && short_by == 0 ? in.n : in.n / 2;
	spool.fd = fuzz_descriptor(FUZZ_FILE);
	spool.fd_offset = (int64_t)spool.in_memory;
	spool.window_len = 0;
	fuzz_memory = memory < 64 ? memory : 0;
	err_clear(&e);
	if (message_read(&m, &spool, &e) == 0 && edit_message(&m, &rules, &notes, &e) == 0 &&
		message_count(&m, &e) == 0) {
		must(e.kind == ERR_NONE && short_by == 0);
		check_emitted(&in, rules.relay, piece);
		must(!fuzz_has_control(notes.id, strlen(notes.id)));
		must(!fuzz_has_control(notes.from, strlen(notes.from)));
	} else
		must((e.kind == ERR_INPUT && short_by > 0) ||
			(e.kind != ERR_NONE && fuzz_memory > 0));
	message_close(&m);
	fuzz_memory = 0;
	return 0;
}
