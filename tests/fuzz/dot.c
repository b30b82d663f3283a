/* SPDX-License-Identifier: ISC */
/* dot.c: line ends and dots on their way out and in; nothing smuggled (dot.c, dialogue.c). */
#include "dialogue.h"
#include "dot.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 1024
#define OUT_MAX  (4 * TEXT_MAX + 64)

static struct dialogue d;
static struct spool spool;

/* Encodes in pieces of every size into rooms of every size. */
static size_t
encode(bool stuff, const char *s, size_t n, unsigned piece, char *out, struct dot_facts *facts)
{
	struct dot dot = {.stuff = stuff};
	size_t len = 0, part, left, room = DOT_ROOM;

	for (; n > 0; n -= part) {
		part = piece > 0 && piece < n ? piece : n;
		for (left = part; left > 0;) {
			const char *before = s;
			size_t put = dot_encode(&dot, &s, &left, out + len, room);

			must(put <= room && (put > 0 || s > before));
			len += put;
			room = DOT_ROOM + (room * 7 + piece) % 23;
		}
	}
	len += dot_end(&dot, out + len, DOT_ROOM);
	*facts = dot.facts;
	return len;
}

static void
check_facts(const struct dot_facts *f, const char *s, size_t n, const char *in, size_t in_len)
{
	size_t i, line = 0, longest = 0, dots = 0;
	bool eight_bit = false;

	for (i = 0; i < n; i++) {
		dots += s[i] == '.' && (i == 0 || s[i - 1] == '\n');
		eight_bit = eight_bit || (unsigned char)s[i] > 127;
		line = s[i] == '\n' ? 0 : line + (s[i] != '\r');
		longest = line > longest ? line : longest;
	}
	must(f->size == n && f->dots == dots && f->eight_bit == eight_bit && f->longest == longest);
	must(f->nul == (memchr(in, '\0', in_len) != NULL));
}

/* Content from a caller who ends lines by CRLF (or LF), as far as his lone dot. */
static size_t
take(const char *s, size_t n, bool crlf, unsigned piece, char *out, bool *ended)
{
	static struct err e;
	struct spool *sp = &spool;
	const char *at;
	long got;

	err_clear(&e);
	fuzz_file(FUZZ_STDIN, s, n, piece);
	dialogue_init(&d, fuzz_descriptor(FUZZ_STDIN), 1);
	d.crlf = crlf;
	sp->size = sp->in_memory = 0;
	*ended = dialogue_content(&d, sp, "/", &e);
	must(e.kind == ERR_NONE && sp->size <= n);
	got = spool_view(sp, 0, &at, &e);
	must(got >= 0 && (uint64_t)got == sp->size);
	if (got > 0)
		memcpy(out, at, (size_t)got);
	return (size_t)got;
}

/* Where content must end: behind the first lone dot between CRLFs (LFs). 0: nowhere. */
static size_t
lone_dot(const char *s, size_t n, bool crlf)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] != '.' || (i > 0 && s[i - 1] != '\n') || (crlf && i == 1) ||
			(crlf && i > 1 && s[i - 2] != '\r'))
			continue;
		if (i + 2 < n && s[i + 1] == '\r' && s[i + 2] == '\n')
			return i + 3;
		if (!crlf && i + 1 < n && s[i + 1] == '\n')
			return i + 2;
	}
	return 0;
}

/* Any bytes inward: they end where they must, and go out without a lone dot. */
static void
check_inward(const struct fuzz_input *in, unsigned option)
{
	static char taken[OUT_MAX], again[OUT_MAX];
	struct dot_facts facts;
	size_t n, end = lone_dot(in->at, in->n, option % 2 == 1);
	bool ended;

	n = take(in->at, in->n, option % 2 == 1, option / 2, taken, &ended);
	must(ended == (end > 0));
	if (!ended)
		return;
	must(n < end && d.at == d.len ? true : n < end);
	n = encode(true, taken, n, option / 2, again, &facts);
	must(fuzz_is_smtp(again, n) && lone_dot(again, n, true) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char plain[OUT_MAX], stuffed[OUT_MAX], wanted[OUT_MAX], back[OUT_MAX];
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	struct dot_facts facts, stuffed_facts;
	size_t n, m;
	bool ended;

	if (in.n > TEXT_MAX)
		return 0;
	spool.fd = -1;
	if (spool.memory == NULL) {
		static char memory[SPOOL_MEMORY];

		spool.memory = memory;
	}
	n = encode(false, in.at, in.n, option / 2, plain, &facts);
	must(n == fuzz_lines(in.at, in.n, wanted) && memcmp(plain, wanted, n) == 0);
	check_facts(&facts, plain, n, in.at, in.n);
	m = encode(true, in.at, in.n, option / 2, stuffed, &stuffed_facts);
	must(memcmp(&facts, &stuffed_facts, sizeof(facts)) == 0 ||
		facts.size == stuffed_facts.size);
	must(m == n + facts.dots && fuzz_is_smtp(stuffed, m) && lone_dot(stuffed, m, true) == 0);
	memcpy(stuffed + m, ".\r\nMAIL", 7);
	n = take(stuffed, m + 7, true, option / 2, back, &ended);
	must(ended && n == facts.size && memcmp(back, plain, n) == 0);
	check_inward(&in, option);
	return 0;
}
