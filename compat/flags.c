/* SPDX-License-Identifier: ISC */
/* flags.c: sendmail's command line as data. Opens, runs and sends nothing. */
#include "flags_table.h"

#include <stdlib.h>
#include <string.h>

/* The command line under way. */
struct parsing {
	struct request *r;
	char *const *argv;
	int argc, at;
	struct err *e;
};

static void
note(struct request *r, const char *flag, size_t n)
{
	text_puts(&r->ignored, r->ignored.len > 0 ? " -" : "-");
	text_masked(&r->ignored, flag, n < 40 ? n : 40);
}

static void
set_mode(struct request *r, char letter, const char *value)
{
	if (letter == 'I')
		r->mode = MODE_ALIASES;
	else if (letter != 'b' && r->mode == MODE_SEND)
		r->mode = MODE_NOTHING; /* -q30m besides -bd means the daemon */
	else if (letter == 'b' && !flags_mode(&r->mode, value))
		note(r, "b", 1);
}

/* -ox..: of its hundred options the few that mean something here. No path is touched. */
static void
set_option(struct request *r, const char *value)
{
	switch (value[0]) {
	case 'i':
		r->keep_dots = true;
		break;
	case 'e':
		r->quiet = value[1] == 'q';
		break;
	case 'r':
		r->timeout = value + 1;
		break;
	case 'd': /* how it is delivered: always while the caller waits */
	case 'm':
		break;
	default:
		note(r, "o", 1);
	}
}

/* -O Name=value */
static void
set_named_option(struct request *r, const char *option)
{
	const char *value = strchr(option, '=');
	size_t n = value != NULL ? (size_t)(value - option) : strlen(option);

	value = value != NULL ? value + 1 : "";
	if (text_same_n(option, n, "IgnoreDots") || text_same_n(option, n, "i"))
		r->keep_dots = text_lower(value[0]) != 'f' && text_lower(value[0]) != 'n';
	else if (text_same_n(option, n, "ErrorMode"))
		r->quiet = value[0] == 'q';
	else if (text_same_n(option, n, "NoRecipientAction"))
		r->no_to = text_same(value, "none");
	else if (text_same_n(option, n, "smtputf8"))
		r->utf8 = text_lower(value[0]) == 'y' || text_lower(value[0]) == 't';
	else if (!text_same_n(option, n, "DeliveryMode"))
		note(r, "O", 1);
}

static void
apply(struct request *r, char letter, const struct flags_row *row, const char *value)
{
	switch ((enum flags_action)row->action) {
	case STRING:
		*(const char **)(void *)((char *)r + row->field) = value;
		break;
	case SET:
		*(bool *)((char *)r + row->field) = true;
		break;
	case VERBOSE:
		r->verbose++;
		break;
	case DEBUG:
		if (strcmp(value, "0.1") == 0)
			r->version = true;
		else
			r->verbose++;
		break;
	case MODE:
		set_mode(r, letter, value);
		break;
	case OPTION:
		set_option(r, value);
		break;
	case NAMED_OPTION:
		set_named_option(r, value);
		break;
	case ERRORS:
		r->quiet = value[0] == 'q';
		break;
	case DROP:
		note(r, &letter, 1);
		break;
	}
}

/* One word that begins with '-': a cluster of flags, the last perhaps with its argument. */
static int
parse_cluster(struct parsing *p, const char *word)
{
	const char *start = word, *value;
	struct flags_row row;
	char letter;

	while (*word != '\0') {
		letter = *word++;
		if (!flags_letter(&row, letter)) {
			/* What follows it may be its argument: none of it is a flag for us. */
			note(p->r, word - 1, strlen(word - 1));
			return 0;
		}
		value = row.arity == NONE ? "" : word;
		if (*word == '\0' &&
			(row.arity == ONE || (row.arity == REST && word == start + 1))) {
			if (p->at + 1 >= p->argc || p->argv[p->at + 1] == NULL)
				return err_set(
					p->e, ERR_USAGE, "the flag -%c lacks its argument", letter);
			value = p->argv[++p->at];
		}
		apply(p->r, letter, &row, value);
		if (row.arity != NONE)
			return 0;
	}
	return 0;
}

static int
parse_long(struct parsing *p, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value != NULL ? (size_t)(value - word) : strlen(word);
	struct flags_row row = {.action = DROP};

	(void)flags_long(&row, word, n); /* an unknown one has no argument, and does nothing */
	if (row.arity == ONE && value == NULL) {
		if (p->at + 1 >= p->argc || p->argv[p->at + 1] == NULL)
			return err_set(p->e, ERR_USAGE, "the option --%s lacks its argument", word);
		value = p->argv[++p->at];
	} else if (value != NULL)
		value++;
	if (row.action == DROP) {
		/* The value isn't noted: it may be a password. */
		note(p->r, word - 1, n + 1);
		return 0;
	}
	apply(p->r, '-', &row, value != NULL ? value : "");
	return 0;
}

static bool
gives_way(const struct request *r)
{
	switch (r->mode) {
	case MODE_SMTP:
	case MODE_NOTHING:
	case MODE_QUEUE:
	case MODE_COUNT:
	case MODE_ALIASES:
		return flags_asks_to_send(r);
	case MODE_VERIFY: /* its operands are whom to ask about */
		return r->from_header;
	case MODE_SEND:
	case MODE_DAEMON:
	case MODE_TEST:
		break;
	}
	return false;
}

int
flags_parse(struct request *r, const char *name, int argc, char *const argv[], struct err *e)
{
	struct parsing p = {.r = r, .argv = argv, .argc = argc, .e = e};
	bool flags_over = false;

	*r = (struct request){.keep_dots = strcmp(name, "rmail") == 0};
	text_heap(&r->ignored, 1024);
	r->operands = calloc((size_t)argc + 1, sizeof(*r->operands));
	if (r->operands == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the command line");
	for (p.at = 1; p.at < argc && argv[p.at] != NULL; p.at++) {
		const char *word = argv[p.at];

		if (flags_over || word[0] != '-' || word[1] == '\0')
			r->operands[r->n++] = word;
		else if (strcmp(word, "--") == 0)
			flags_over = true;
		else if ((word[1] == '-' ? parse_long(&p, word + 2)
					 : parse_cluster(&p, word + 1)) == -1)
			return -1;
	}
	/* A flag that sends nothing must not turn a mail into exit 0: who names recipients sends. */
	if (gives_way(r))
		r->mode = MODE_SEND;
	flags_personality(&r->mode, name);
	return 0;
}

bool
flags_asks_to_send(const struct request *r)
{
	return r->from_header || r->n > 0;
}

void
flags_clear(struct request *r)
{
	free(r->operands);
	r->operands = NULL;
	r->n = 0;
	text_free(&r->ignored);
}
