/* SPDX-License-Identifier: ISC */
/* flags_table.c: which flags, modes, names and long options there are. Acts on none. */
#include "flags_table.h"

#include <stddef.h>
#include <string.h>

#define FIELD(name) offsetof(struct request, name)

/*
 * Sendmail 8, Postfix and OpenSMTPD together. No flag opens a file, runs a program, picks a host
 * or weakens anything: command lines are often those of a web application's users.
 *
 * DROP is taken and does nothing:
 * -A which of sendmail's files to read
 * -C a configuration: never opened
 * -D a debug file: never opened
 * -E OpenSMTPD's and AIX's
 * -J Sony NEWS's
 * -M a message in the queue
 * -S OpenSMTPD's
 * -T how long to queue
 * -X a transcript: never opened
 * -c put off expensive hosts
 * -m send to me too: always done
 * -p the protocol it came by
 * -s keep the mbox From line
 * -x AIX's
 * -z Solaris's
 */
static const struct {
	char letter;
	unsigned char arity, action;
	unsigned short field;
} letters[] = {
	{'4', NONE,     SET,          FIELD(v4)         },
	{'6', NONE,     SET,          FIELD(v6)         },
	{'A', ONE,      DROP,         0                 },
	{'B', ONE,      STRING,       FIELD(body)       },
	{'C', ONE,      DROP,         0                 },
	{'D', ONE,      DROP,         0                 },
	{'E', ATTACHED, DROP,         0                 },
	{'F', ONE,      STRING,       FIELD(full_name)  },
	{'G', NONE,     SET,          FIELD(relay)      },
	{'I', NONE,     MODE,         0                 },
	{'J', ATTACHED, DROP,         0                 },
	{'L', ONE,      STRING,       FIELD(tag)        },
	{'M', ONE,      DROP,         0                 },
	{'N', ONE,      STRING,       FIELD(notify)     },
	{'O', ONE,      NAMED_OPTION, 0                 },
	{'Q', ATTACHED, MODE,         0                 },
	{'R', ONE,      STRING,       FIELD(ret)        },
	{'S', NONE,     DROP,         0                 },
	{'T', ATTACHED, DROP,         0                 },
	{'U', NONE,     SET,          FIELD(utf8)       },
	{'V', ONE,      STRING,       FIELD(envid)      },
	{'X', ONE,      DROP,         0                 },
	{'a', ONE,      STRING,       FIELD(section)    },
	{'b', ONE,      MODE,         0                 },
	{'c', NONE,     DROP,         0                 },
	{'d', ATTACHED, DEBUG,        0                 },
	{'e', REST,     ERRORS,       0                 },
	{'f', ONE,      STRING,       FIELD(sender)     },
	{'h', ONE,      STRING,       FIELD(hops)       },
	{'i', NONE,     SET,          FIELD(keep_dots)  },
	{'m', NONE,     DROP,         0                 },
	{'n', NONE,     SET,          FIELD(no_aliases) },
	{'o', REST,     OPTION,       0                 },
	{'p', ONE,      DROP,         0                 },
	{'q', ATTACHED, MODE,         0                 },
	{'r', ONE,      STRING,       FIELD(sender)     },
	{'s', NONE,     DROP,         0                 },
	{'t', NONE,     SET,          FIELD(from_header)},
	{'v', NONE,     VERBOSE,      0                 },
	{'x', NONE,     DROP,         0                 },
	{'z', ONE,      DROP,         0                 },
};

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
 * option's value for a recipient. NONE: =value may follow.
 */
static const struct {
	char name[28];
	unsigned char arity, action;
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

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

bool
flags_letter(struct flags_row *row, char letter)
{
	size_t i = 0;

	while (i < ROWS(letters) && letters[i].letter != letter)
		i++;
	if (i == ROWS(letters))
		return false;
	*row = (struct flags_row){letters[i].arity, letters[i].action, letters[i].field};
	return true;
}

bool
flags_long(struct flags_row *row, const char *name, size_t n)
{
	size_t i = 0;

	while (i < ROWS(longs) &&
		(strlen(longs[i].name) != n || strncmp(name, longs[i].name, n) != 0))
		i++;
	if (i == ROWS(longs))
		return false;
	*row = (struct flags_row){longs[i].arity, longs[i].action, longs[i].field};
	return true;
}

bool
flags_mode(enum flags_mode *mode, const char *value)
{
	size_t i;

	for (i = 0; i < ROWS(modes); i++) {
		if (value[0] == modes[i].letter && value[1] == '\0') {
			*mode = modes[i].mode;
			return true;
		}
	}
	return false;
}

void
flags_personality(enum flags_mode *mode, const char *name)
{
	size_t i;

	for (i = 0; i < ROWS(personalities); i++) {
		if (strcmp(personalities[i].name, name) == 0)
			*mode = personalities[i].mode;
	}
}
