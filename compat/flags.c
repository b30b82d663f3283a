/* SPDX-License-Identifier: ISC */
/* flags.c: sendmail's command line as data. Opens, runs and sends nothing. */
#include "flags.h"

#include <stdlib.h>
#include <string.h>

/* How a flag comes by its argument. */
enum arity {
	NONE,     /* it has none: the next letter of the word is the next flag */
	ONE,      /* the rest of the word, or else the next word */
	ATTACHED, /* the rest of the word, which may be empty; never the next word */
};

/* What a flag sets; DROP: nothing, its row says why. */
enum action { DROP, SENDER, FULL_NAME, FROM_HEADER, NO_DOT, VERBOSE, DEBUG, MODE, OPTION, ERRORS, SECTION };

/*
 * Sendmail 8, Postfix and OpenSMTPD together. No flag opens a file, runs a program, picks a host
 * or weakens anything: command lines are often a web application's users'.
 */
static const struct {
	char letter;
	enum arity arity;
	enum action action;
	const char *why; /* of DROP: what the originals did with it */
} flags[] = {
	{'A', ONE, DROP, "which of sendmail's configurations"},
	{'B', ONE, DROP, "the body's type: found by looking"},
	{'C', ONE, DROP, "a configuration file: never opened"},
	{'D', ONE, DROP, "a debug file: never opened"},
	{'E', NONE, DROP, "OpenSMTPD's"},
	{'F', ONE, FULL_NAME, NULL},
	{'G', NONE, DROP, "gateway submission"},
	{'I', NONE, MODE, NULL},
	{'J', ATTACHED, DROP, "Sony NEWS"},
	{'L', ONE, DROP, "the log's tag"},
	{'M', ONE, DROP, "a queue's message"},
	{'N', ONE, DROP, "DSN: when"},
	{'O', ONE, DROP, "an option by its name"},
	{'Q', ATTACHED, MODE, NULL},
	{'R', ONE, DROP, "DSN: how much comes back"},
	{'T', ATTACHED, DROP, "a time in the queue"},
	{'U', NONE, DROP, "initial submission"},
	{'V', ONE, DROP, "DSN: the envelope's id"},
	{'X', ONE, DROP, "a transcript file: never opened"},
	{'a', ONE, SECTION, NULL},
	{'b', ONE, MODE, NULL},
	{'c', NONE, DROP, "expensive mailers"},
	{'d', ATTACHED, DEBUG, NULL},
	{'e', ATTACHED, ERRORS, NULL},
	{'f', ONE, SENDER, NULL},
	{'h', ONE, DROP, "hops"},
	{'i', NONE, NO_DOT, NULL},
	{'m', NONE, DROP, "me too"},
	{'n', NONE, DROP, "no aliases"},
	{'o', ATTACHED, OPTION, NULL},
	{'p', ONE, DROP, "the protocol that brought it"},
	{'q', ATTACHED, MODE, NULL},
	{'r', ONE, SENDER, NULL},
	{'s', NONE, DROP, "save the From line"},
	{'t', NONE, FROM_HEADER, NULL},
	{'v', NONE, VERBOSE, NULL},
	{'x', NONE, DROP, "AIX's"},
	{'z', ONE, DROP, "Solaris'"},
	{'4', NONE, DROP, "IPv4 only"},
	{'6', NONE, DROP, "IPv6 only"},
};

#define FLAGS (sizeof(flags) / sizeof(flags[0]))

static const struct {
	char letter; /* of -b */
	enum flags_mode mode;
} modes[] = {
	{'m', MODE_SEND}, {'a', MODE_SEND}, {'s', MODE_SMTP}, {'v', MODE_VERIFY},
	{'p', MODE_QUEUE}, {'i', MODE_ALIASES}, {'d', MODE_DAEMON}, {'D', MODE_DAEMON},
	{'l', MODE_DAEMON}, {'t', MODE_TEST}, {'e', MODE_TEST}, {'P', MODE_QUEUE},
	{'z', MODE_TEST}, {'C', MODE_TEST}, {'h', MODE_NOTHING}, {'H', MODE_NOTHING},
};

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
	size_t i;

	if (letter == 'I')
		r->mode = MODE_ALIASES;
	else if (letter == 'q' || letter == 'Q')
		r->mode = MODE_NOTHING;
	for (i = 0; letter == 'b' && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (value[0] == modes[i].letter && value[1] == '\0') {
			r->mode = modes[i].mode;
			return;
		}
	}
	if (letter == 'b')
		note(r, "b", 1);
}

/* -ox..: i keeps dots, e says where errors go; the rest is swallowed, whatever it names. */
static void
set_option(struct request *r, const char *value)
{
	if (value[0] == 'i')
		r->dots_end = false;
	else if (value[0] == 'e')
		r->quiet = value[1] == 'q';
	else
		note(r, "o", 1);
}

static void
apply(struct request *r, char letter, enum action action, const char *value)
{
	switch (action) {
	case SENDER:
		r->sender = value;
		break;
	case FULL_NAME:
		r->full_name = value;
		break;
	case FROM_HEADER:
		r->from_header = true;
		break;
	case NO_DOT:
		r->dots_end = false;
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
	case ERRORS:
		r->quiet = value[0] == 'q';
		break;
	case SECTION:
		r->section = value;
		break;
	case DROP:
		note(r, &letter, 1);
		break;
	}
}

static size_t
find_flag(char letter)
{
	size_t i = 0;

	while (i < FLAGS && flags[i].letter != letter)
		i++;
	return i;
}

/* One word that begins with '-': a cluster of flags, the last perhaps with its argument. */
static int
parse_cluster(struct parsing *p, const char *word)
{
	const char *value;
	size_t i;
	char letter;

	while (*word != '\0') {
		letter = *word++;
		i = find_flag(letter);
		if (i == FLAGS) {
			/* What follows it may be its argument: none of it is a flag for us. */
			note(p->r, word - 1, strlen(word - 1));
			return 0;
		}
		if (flags[i].arity == NONE) {
			apply(p->r, letter, flags[i].action, "");
			continue;
		}
		value = word;
		/* -o and -e take the next word only where nothing else is in theirs. */
		if (*word == '\0' && (flags[i].arity == ONE || letter == 'o' || letter == 'e')) {
			if (p->at + 1 >= p->argc)
				return flags[i].arity == ATTACHED ? 0 : err_set(p->e, ERR_USAGE,
					"the flag -%c lacks its argument", letter);
			value = p->argv[++p->at];
		}
		apply(p->r, letter, flags[i].action, value);
		return 0;
	}
	return 0;
}

static void
parse_long(struct request *r, const char *word)
{
	static const char *const sections[] = {"--profile=", "--account="};
	size_t i, n;

	for (i = 0; i < 2; i++) {
		n = strlen(sections[i]);
		if (strncmp(word, sections[i], n) == 0) {
			r->section = word + n;
			return;
		}
	}
	if (strcmp(word, "--version") == 0)
		r->version = true;
	else if (strcmp(word, "--help") == 0)
		r->help = true;
	else
		note(r, word + 1, strlen(word + 1));
}

int
flags_parse(struct request *r, int argc, char *const argv[], struct err *e)
{
	struct parsing p = {.r = r, .argv = argv, .argc = argc, .e = e};
	bool flags_over = false;

	*r = (struct request){.dots_end = true};
	text_heap(&r->ignored, 1024);
	r->operands = calloc((size_t)argc + 1, sizeof(*r->operands));
	if (r->operands == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the command line");
	for (p.at = 1; p.at < argc; p.at++) {
		const char *word = argv[p.at];

		if (flags_over || word[0] != '-' || word[1] == '\0')
			r->operands[r->n++] = word;
		else if (strcmp(word, "--") == 0)
			flags_over = true;
		else if (word[1] == '-')
			parse_long(r, word);
		else if (parse_cluster(&p, word + 1) == -1)
			return -1;
	}
	return 0;
}

void
flags_clear(struct request *r)
{
	free(r->operands);
	r->operands = NULL;
	r->n = 0;
	text_free(&r->ignored);
}
