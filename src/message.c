/* SPDX-License-Identifier: ISC */
/* message.c: a message taken apart at the one seam, and emitted by the one walk. Edits nothing. */
#include "message.h"

#include <stdlib.h>
#include <string.h>

/* A name ending in '-' stands for all that begin so. What isn't listed is unstructured. */
static const struct {
	const char *name;
	unsigned traits;
} known[] = {
	{"From",		   FIELD_ADDRESSES				  },
	{"Sender",                 FIELD_ADDRESSES				  },
	{"Reply-To",               FIELD_ADDRESSES                                  },
	{"To",		     FIELD_ADDRESSES | FIELD_RECIPIENTS               },
	{"Cc",		     FIELD_ADDRESSES | FIELD_RECIPIENTS               },
	{"Bcc",		    FIELD_RECIPIENTS | FIELD_DROPPED                 },
	{"Resent-From",            FIELD_ADDRESSES | FIELD_RESENT                   },
	{"Resent-Sender",          FIELD_ADDRESSES | FIELD_RESENT                   },
	{"Resent-Reply-To",        FIELD_ADDRESSES | FIELD_RESENT                   },
	{"Resent-To",              FIELD_ADDRESSES | FIELD_RECIPIENTS | FIELD_RESENT},
	{"Resent-Cc",              FIELD_ADDRESSES | FIELD_RECIPIENTS | FIELD_RESENT},
	{"Resent-Bcc",             FIELD_RECIPIENTS | FIELD_RESENT | FIELD_DROPPED  },
	{"Resent-",                FIELD_FIXED | FIELD_RESENT                       },
	{"Return-Path",            FIELD_LOCAL				      },
	{"Content-Length",         FIELD_LOCAL				      },
	{"Date",		   FIELD_FIXED				      },
	{"Message-ID",             FIELD_FIXED				      },
	{"In-Reply-To",            FIELD_FIXED				      },
	{"References",             FIELD_FIXED				      },
	{"Received",               FIELD_FIXED				      },
	{"MIME-Version",           FIELD_FIXED				      },
	{"Content-",               FIELD_FIXED				      },
	{"List-",		  FIELD_FIXED				      },
	{"ARC-",		   FIELD_FIXED				      },
	{"DKIM-Signature",         FIELD_FIXED				      },
	{"Authentication-Results", FIELD_FIXED                                      },
};

static unsigned
traits_of(const char *name, size_t n)
{
	size_t i, len;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		len = strlen(known[i].name);
		if (known[i].name[len - 1] == '-' && n > len &&
			text_same_n(name, len, known[i].name))
			return known[i].traits;
		if (text_same_n(name, n, known[i].name))
			return known[i].traits;
	}
	return 0;
}

/* A byte-wise look at the spool: NUL isn't seen. */
struct reader {
	struct spool *spool;
	uint64_t at, view_at;
	const char *view;
	size_t view_len;
	bool nul; /* one was seen */
	struct err *e;
};

enum { END = -1 };

/* A longer name is none: RFC 5322 2.1.1 leaves a line 998 bytes. */
#define NAME_MAX_LEN 255

/* The next byte that isn't NUL, or END (also on error: r->e tells). */
static int
get(struct reader *r)
{
	long got;
	char c;

	do {
		if (r->at - r->view_at >= r->view_len) {
			got = spool_view(r->spool, r->at, &r->view, r->e);
			if (got <= 0)
				return END;
			r->view_at = r->at;
			r->view_len = (size_t)got;
		}
		c = r->view[r->at - r->view_at];
		r->at++;
		r->nul = r->nul || c == '\0';
	} while (c == '\0');
	return (unsigned char)c;
}

static void
seek(struct reader *r, uint64_t at)
{
	if (at < r->view_at)
		r->view_len = 0;
	r->at = at;
	if (r->view_len == 0)
		r->view_at = at;
}

/* Behind a CR: steps over the rest of CRLF or CR CR LF; a lone CR is a line end by itself. */
static void
end_line(struct reader *r)
{
	uint64_t behind = r->at;
	int c = get(r);

	if (c == '\r')
		c = get(r);
	if (c != '\n')
		seek(r, behind);
}

int
message_header_cut(const struct text *header, struct err *e)
{
	return header->no_memory
		       ? err_set(e, ERR_SYSTEM, "no memory for the header")
		       : err_set(e, ERR_DATA, "the header is over %zu KiB", header->max / 1024);
}

/* Appends a line with CRLF and steps over it. */
static int
take_line(struct reader *r, struct text *out)
{
	char run[256];
	size_t n = 0;
	int c;

	while ((c = get(r)) != END && c != '\n' && c != '\r') {
		run[n++] = (char)c;
		if (n == sizeof(run)) {
			text_add(out, run, n);
			n = 0;
		}
		if (out->cut)
			return message_header_cut(out, r->e);
	}
	text_add(out, run, n);
	if (c == '\r')
		end_line(r);
	text_add(out, "\r\n", 2);
	if (out->cut)
		return message_header_cut(out, r->e);
	return r->e->kind == ERR_NONE ? 0 : -1;
}

/* What a line is, by its beginning. */
enum line_kind { LINE_FIELD, LINE_CONTINUES, LINE_BLANK, LINE_OTHER };

/* Looks at the line and goes back to its start. *name_len: of a field's name. */
static enum line_kind
look_at_line(struct reader *r, size_t *name_len)
{
	uint64_t start = r->at;
	enum line_kind kind = LINE_OTHER;
	size_t n = 0;
	int c = get(r);

	if (c == END || c == '\r' || c == '\n')
		kind = LINE_BLANK;
	else if (text_is_blank((char)c))
		kind = LINE_CONTINUES;
	else {
		/* RFC 5322 3.6.8: ftext is printable ASCII but for the colon. */
		for (; c > 32 && c < 127 && c != ':' && n < NAME_MAX_LEN; c = get(r))
			n++;
		*name_len = n;
		while (c == ' ' || c == '\t')
			c = get(r);
		if (c == ':' && n > 0)
			kind = LINE_FIELD;
	}
	seek(r, start);
	return kind;
}

static int
add_field(struct message *m, size_t name_len, struct err *e)
{
	struct message_field *more, *f;

	if ((m->n & (m->n - 1)) == 0) {
		more = realloc(m->fields, (m->n == 0 ? 1 : m->n * 2) * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_SYSTEM, "no memory for the header");
		m->fields = more;
	}
	f = &m->fields[m->n++];
	*f = (struct message_field){.start = m->header.len, .name_len = name_len};
	return 0;
}

/* "From " or ">From " at the very beginning: a mailbox's separator, no field. */
static void
skip_mbox_line(struct reader *r)
{
	static const char *const marks[] = {"From ", ">From "};
	size_t i, k;
	int c;

	for (i = 0; i < 2; i++) {
		for (k = 0; marks[i][k] != '\0' && get(r) == marks[i][k]; k++)
			;
		if (marks[i][k] != '\0') {
			seek(r, 0);
			continue;
		}
		do
			c = get(r);
		while (text_is_blank((char)c));
		if (c == ':') { /* "From : alice@..." */
			seek(r, 0);
			return;
		}
		while (c != END && c != '\n' && c != '\r')
			c = get(r);
		if (c == '\r')
			end_line(r);
		return;
	}
}

static void
end_field(struct message *m)
{
	struct message_field *f = &m->fields[m->n - 1];
	const char *colon;

	f->end = m->header.len;
	colon = memchr(m->header.at + f->start, ':', f->end - f->start);
	f->body = (size_t)(colon - m->header.at) + 1;
	f->traits = traits_of(m->header.at + f->start, f->name_len);
}

int
message_read(struct message *m, struct spool *spool, struct err *e)
{
	struct reader r = {.spool = spool, .e = e};
	enum line_kind kind;
	size_t name_len = 0;

	*m = (struct message){.spool = spool};
	text_heap(&m->header, MESSAGE_HEADER_MAX);
	text_heap(&m->ready, 8 * MESSAGE_HEADER_MAX);
	skip_mbox_line(&r);
	for (;;) {
		kind = look_at_line(&r, &name_len);
		if (e->kind != ERR_NONE)
			return -1;
		if (kind != LINE_FIELD && (kind != LINE_CONTINUES || m->n == 0))
			break;
		if (kind == LINE_FIELD && add_field(m, name_len, e) == -1)
			return -1;
		if (take_line(&r, &m->header) == -1)
			return -1;
		end_field(m);
	}
	/* What is no field ends the header; a blank line goes with it, anything else is body. */
	if (kind == LINE_BLANK && get(&r) == '\r')
		end_line(&r);
	m->body = r.at;
	m->nul = r.nul;
	return e->kind == ERR_NONE ? 0 : -1;
}

void
message_forget(struct message *m)
{
	text_free(&m->header);
	free(m->fields);
	m->fields = NULL;
	m->n = 0;
}

void
message_close(struct message *m)
{
	message_forget(m);
	text_free(&m->ready);
}

bool
message_is(const struct message *m, const struct message_field *f, const char *name)
{
	return text_same_n(m->header.at + f->start, f->name_len, name);
}

/* A walk under way. */
struct walk {
	struct dot dot;
	const struct message_sink *sink;
};

static int
pass(struct walk *w, const char *data, size_t n)
{
	size_t room;
	char *out;

	while (n > 0) {
		out = w->sink->room(w->sink->ctx, &room);
		if (out == NULL)
			return -1;
		w->sink->put(w->sink->ctx, dot_encode(&w->dot, &data, &n, out, room));
	}
	return 0;
}

int
message_emit(struct message *m, bool stuff, const struct message_sink *sink,
	struct dot_facts *facts, struct err *e)
{
	struct walk w = {.dot = {.stuff = stuff}, .sink = sink};
	uint64_t at = m->body;
	const char *data;
	size_t room;
	char *out;
	long n;

	if (pass(&w, m->ready.at, m->ready.len) == -1 || pass(&w, "\r\n", 2) == -1)
		return -1;
	while ((n = spool_view(m->spool, at, &data, e)) > 0) {
		if (pass(&w, data, (size_t)n) == -1)
			return -1;
		at += (uint64_t)n;
	}
	if (n == -1)
		return -1;
	out = sink->room(sink->ctx, &room);
	if (out == NULL)
		return -1;
	sink->put(sink->ctx, dot_end(&w.dot, out, room));
	if (facts != NULL)
		*facts = w.dot.facts;
	return 0;
}

/* A sink that keeps nothing. */
struct scratch {
	char bytes[4096];
};

static char *
scratch_room(void *ctx, size_t *n)
{
	struct scratch *s = ctx;

	*n = sizeof(s->bytes);
	return s->bytes;
}

static void
scratch_put(void *ctx, size_t n)
{
	(void)ctx;
	(void)n;
}

int
message_count(struct message *m, struct err *e)
{
	struct scratch s;
	struct message_sink sink = {scratch_room, scratch_put, &s};

	return message_emit(m, false, &sink, &m->facts, e);
}
