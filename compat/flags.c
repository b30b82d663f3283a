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
	REST, /* the rest of the word, or the next word where the flag stands alone in its own */
};

/* What a flag does. DROP: nothing, its row says what it was. */
enum action {
	DROP,
	STRING, /* keeps its argument */
	SET,    /* sets a switch */
	VERBOSE,
	DEBUG,
	MODE,
	OPTION,
	NAMED_OPTION,
	ERRORS,
};

#define FIELD(name) offsetof(struct request, name)

/*
 * Sendmail 8, Postfix and OpenSMTPD together. No flag opens a file, runs a program, picks a host
 * or weakens anything: command lines are often those of a web application's users.
 */
static const struct {
	char letter;
	unsigned char arity, action;
	unsigned short field;
	char why[36]; /* of DROP: what it was */
} flags[] = {
	{'4', NONE,     SET,          FIELD(v4),          ""                                 },
	{'6', NONE,     SET,          FIELD(v6),          ""                                 },
	{'A', ONE,      DROP,         0,                  "which of sendmail's files to read"},
	{'B', ONE,      STRING,       FIELD(body),        ""                                 },
	{'C', ONE,      DROP,         0,                  "a configuration: never opened"    },
	{'D', ONE,      DROP,         0,                  "a debug file: never opened"       },
	{'E', ATTACHED, DROP,         0,                  "OpenSMTPD's and AIX's"            },
	{'F', ONE,      STRING,       FIELD(full_name),   ""                                 },
	{'G', NONE,     SET,          FIELD(relay),       ""                                 },
	{'I', NONE,     MODE,         0,                  ""				 },
	{'J', ATTACHED, DROP,         0,                  "Sony NEWS's"                      },
	{'L', ONE,      STRING,       FIELD(tag),         ""                                 },
	{'M', ONE,      DROP,         0,                  "a message in the queue"           },
	{'N', ONE,      STRING,       FIELD(notify),      ""                                 },
	{'O', ONE,      NAMED_OPTION, 0,                  ""                                 },
	{'Q', ATTACHED, MODE,         0,                  ""                                 },
	{'R', ONE,      STRING,       FIELD(ret),         ""                                 },
	{'S', NONE,     DROP,         0,                  "OpenSMTPD's"                      },
	{'T', ATTACHED, DROP,         0,                  "how long to queue"                },
	{'U', NONE,     SET,          FIELD(utf8),        ""                                 },
	{'V', ONE,      STRING,       FIELD(envid),       ""                                 },
	{'X', ONE,      DROP,         0,                  "a transcript: never opened"       },
	{'a', ONE,      STRING,       FIELD(section),     ""                                 },
	{'b', ONE,      MODE,         0,                  ""				 },
	{'c', NONE,     DROP,         0,                  "put off expensive hosts"          },
	{'d', ATTACHED, DEBUG,        0,                  ""                                 },
	{'e', REST,     ERRORS,       0,                  ""				 },
	{'f', ONE,      STRING,       FIELD(sender),      ""                                 },
	{'h', ONE,      STRING,       FIELD(hops),        ""                                 },
	{'i', NONE,     SET,          FIELD(keep_dots),   ""                                 },
	{'m', NONE,     DROP,         0,                  "send to me too: always done"      },
	{'n', NONE,     SET,          FIELD(no_aliases),  ""                                 },
	{'o', REST,     OPTION,       0,                  ""				 },
	{'p', ONE,      DROP,         0,                  "the protocol it came by"          },
	{'q', ATTACHED, MODE,         0,                  ""                                 },
	{'r', ONE,      STRING,       FIELD(sender),      ""                                 },
	{'s', NONE,     DROP,         0,                  "keep the mbox From line"          },
	{'t', NONE,     SET,          FIELD(from_header), ""                                 },
	{'v', NONE,     VERBOSE,      0,                  ""                                 },
	{'x', NONE,     DROP,         0,                  "AIX's"                            },
	{'z', ONE,      DROP,         0,                  "Solaris's"                        },
};

#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* -b's letters. */
static const struct {
	char letter;
	unsigned char mode;
} modes[] = {
	{'m', MODE_SEND   },
	{'a', MODE_SEND   },
	{'s', MODE_SMTP   },
	{'v', MODE_VERIFY },
	{'p', MODE_QUEUE  },
	{'P', MODE_COUNT  },
	{'i', MODE_ALIASES},
	{'h', MODE_NOTHING},
	{'H', MODE_NOTHING},
	{'d', MODE_DAEMON },
	{'D', MODE_DAEMON },
	{'l', MODE_DAEMON },
	{'t', MODE_TEST   },
	{'e', MODE_TEST   },
	{'z', MODE_TEST   },
	{'C', MODE_TEST   },
};

/* Names that we may be called by, and what they stand for. All others are sendmail. */
static const struct {
	char name[12];
	unsigned char mode;
} personalities[] = {
	{"mailq",      MODE_QUEUE  },
	{"newaliases", MODE_ALIASES},
	{"runq",       MODE_NOTHING},
	{"hoststat",   MODE_NOTHING},
	{"purgestat",  MODE_NOTHING},
	{"smtpd",      MODE_DAEMON },
};

/*
 * Long options: ours, and msmtp's, so that a command line made for it neither fails nor takes an
 * option's value for a recipient.
 */
static const struct {
	char name[28];
	unsigned char arity; /* NONE (=value may follow), or ONE */
	unsigned char action;
	unsigned short field;
} longs[] = {
	{"profile",               ONE,  STRING,  FIELD(section)    },
	{"account",               ONE,  STRING,  FIELD(section)    },
	{"from",		  ONE,  STRING,  FIELD(sender)     },
	{"read-recipients",       NONE, SET,     FIELD(from_header)},
	{"dsn-notify",            ONE,  STRING,  FIELD(notify)     },
	{"dsn-return",            ONE,  STRING,  FIELD(ret)        },
	{"debug",                 NONE, VERBOSE, 0                 },
	{"help",		  NONE, SET,     FIELD(help)       },
	{"version",               NONE, SET,     FIELD(version)    },
	{"host",		  ONE,  DROP,    0                 },
	{"port",		  ONE,  DROP,    0                 },
	{"timeout",               ONE,  DROP,    0                 },
	{"connect-timeout",       ONE,  DROP,    0                 },
	{"protocol",              ONE,  DROP,    0                 },
	{"domain",                ONE,  DROP,    0                 },
	{"user",		  ONE,  DROP,    0                 },
	{"passwordeval",          ONE,  DROP,    0                 },
	{"file",		  ONE,  DROP,    0                 },
	{"tls-trust-file",        ONE,  DROP,    0                 },
	{"tls-crl-file",          ONE,  DROP,    0                 },
	{"tls-fingerprint",       ONE,  DROP,    0                 },
	{"tls-key-file",          ONE,  DROP,    0                 },
	{"tls-cert-file",         ONE,  DROP,    0                 },
	{"tls-min-dh-prime-bits", ONE,  DROP,    0                 },
	{"tls-priorities",        ONE,  DROP,    0                 },
	{"tls-host-override",     ONE,  DROP,    0                 },
	{"maildomain",            ONE,  DROP,    0                 },
	{"logfile",               ONE,  DROP,    0                 },
	{"rmqs",		  ONE,  DROP,    0                 },
	{"logfile-time-format",   ONE,  DROP,    0                 },
	{"aliases",               ONE,  DROP,    0                 },
	{"proxy-host",            ONE,  DROP,    0                 },
	{"proxy-port",            ONE,  DROP,    0                 },
	{"source-ip",             ONE,  DROP,    0                 },
	{"socket",                ONE,  DROP,    0                 },
	{"configure",             ONE,  DROP,    0                 },
	{"set-from-header",       NONE, DROP,    0                 },
	{"set-date-header",       NONE, DROP,    0                 },
	{"set-msgid-header",      NONE, DROP,    0                 },
	{"eval",		  ONE,  DROP,    0                 },
};

#define LONGS (sizeof(longs) / sizeof(longs[0]))

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
	else if (letter != 'b' && r->mode == MODE_SEND)
		r->mode = MODE_NOTHING; /* -q30m besides -bd means the daemon */
	for (i = 0; letter == 'b' && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (value[0] == modes[i].letter && value[1] == '\0') {
			r->mode = modes[i].mode;
			return;
		}
	}
	if (letter == 'b')
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
apply(struct request *r, char letter, unsigned action, size_t field, const char *value)
{
	switch ((enum action)action) {
	case STRING:
		*(const char **)(void *)((char *)r + field) = value;
		break;
	case SET:
		*(bool *)((char *)r + field) = true;
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
	const char *start = word, *value;
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
		value = flags[i].arity == NONE ? "" : word;
		if (*word == '\0' &&
			(flags[i].arity == ONE || (flags[i].arity == REST && word == start + 1))) {
			if (p->at + 1 >= p->argc || p->argv[p->at + 1] == NULL)
				return err_set(
					p->e, ERR_USAGE, "the flag -%c lacks its argument", letter);
			value = p->argv[++p->at];
		}
		apply(p->r, letter, flags[i].action, flags[i].field, value);
		if (flags[i].arity != NONE)
			return 0;
	}
	return 0;
}

static int
parse_long(struct parsing *p, const char *word)
{
	const char *value = strchr(word, '=');
	size_t n = value != NULL ? (size_t)(value - word) : strlen(word), i;

	for (i = 0;
		i < LONGS && !(strlen(longs[i].name) == n && strncmp(word, longs[i].name, n) == 0);)
		i++;
	if (i < LONGS && longs[i].arity == ONE && value == NULL) {
		if (p->at + 1 >= p->argc || p->argv[p->at + 1] == NULL)
			return err_set(p->e, ERR_USAGE, "the option --%s lacks its argument", word);
		value = p->argv[++p->at];
	} else if (value != NULL)
		value++;
	if (i == LONGS || longs[i].action == DROP) {
		/* The value isn't noted: it may be a password. */
		note(p->r, word - 1, n + 1);
		return 0;
	}
	apply(p->r, '-', longs[i].action, longs[i].field, value != NULL ? value : "");
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
	size_t i;

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
	for (i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++) {
		if (strcmp(personalities[i].name, name) == 0)
			r->mode = personalities[i].mode;
	}
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
