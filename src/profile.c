/* SPDX-License-Identifier: ISC */
/* profile.c: the table of keys, and the section in force. Reads no file: profile_file.c does. */
#include "profile.h"

#include <string.h>

/* As auth.c knows them; the first two stand alone. */
#define MECHANISMS                                                                                 \
	"auto off EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1 "             \
	"SCRAM-SHA-256-PLUS CRAM-MD5"

/* Builds for tracers and sanitizers, which need more than a message does, have it otherwise. */
#ifndef MAILCHUTE_SANDBOX
#define MAILCHUTE_SANDBOX "yes"
#endif

#define FIELD(name) offsetof(struct profile, name)

/*
 * The documentation of record: name, kind, field, what its kind needs to know (the words or the
 * range), default. The man page and etc/mailchute.ini name every one (a test sees to it).
 */
static const struct value_key keys[] = {
	{"host",                VALUE_HOSTS,   FIELD(hosts),               NULL,                                  0,               0,          ""               },
	{"port",                VALUE_PORT,    FIELD(port),                NULL,                                  1,               65535,      ""               },
	{"tls",		 VALUE_WORD,    FIELD(tls),                 "starttls implicit off opportunistic", TLS_STARTTLS,    0,          ""               },
	{"tls_trust",           VALUE_PATH,    FIELD(tls_trust),           "system builtin pin",                  0,               0,          ""               },
	{"tls_pin",             VALUE_PINS,    FIELD(tls_pin),             NULL,                                  0,               0,          ""               },
	{"tls_name",            VALUE_HOST,    FIELD(tls_name),            NULL,                                  0,               0,          ""               },
	{"tls_cert",            VALUE_PATH,    FIELD(tls_cert),            NULL,                                  0,               0,          ""               },
	{"tls_key",             VALUE_PATH,    FIELD(tls_key),             NULL,                                  0,               0,          ""               },
	{"tls_verify",          VALUE_YES,     FIELD(tls_verify),          NULL,                                  0,               0,          "yes"            },
	{"auth",                VALUE_WORDS,   FIELD(auth),                MECHANISMS,                            0,               0,          "auto"           },
	{"auth_insecure",       VALUE_YES,     FIELD(auth_insecure),       NULL,                                  0,               0,          "no"             },
	{"auth_pipelining",     VALUE_YES,     FIELD(auth_pipelining),     NULL,                                  0,               0,          "no"             },
	{"user",                VALUE_TEXT,    FIELD(user),                NULL,                                  0,               0,          ""               },
	{"password",            VALUE_SECRET,  FIELD(password),            NULL,                                  0,               0,          ""               },
	{"password_file",       VALUE_PATH,    FIELD(password_file),       "*",                                   0,               0,          ""               },
	{"password_command",    VALUE_COMMAND, FIELD(password_command),    NULL,                                  0,               0,          ""               },
	{"secret_mode",         VALUE_WORD,    FIELD(secret_mode),         "strict any",                          SECRET_STRICT,   0,          "strict"         },
	{"oauth_token_file",    VALUE_PATH,    FIELD(oauth_token_file),    "*",                                   0,               0,          ""               },
	{"oauth_token_command", VALUE_COMMAND, FIELD(oauth_token_command), NULL,                                  0,               0,          ""               },
	{"from",                VALUE_ADDRESS, FIELD(from),                NULL,                                  0,               0,          ""               },
	{"allow_from_override", VALUE_YES,     FIELD(allow_from_override), NULL,                                  0,               0,          "yes"            },
	{"selectable",          VALUE_YES,     FIELD(selectable),          NULL,                                  0,               0,          "no"             },
	{"user_profiles",       VALUE_YES,     FIELD(user_profiles),       NULL,                                  0,               0,          "no"             },
	{"domain",              VALUE_HOST,    FIELD(domain),              NULL,                                  0,               0,          ""               },
	{"helo",                VALUE_HOST,    FIELD(helo),                NULL,                                  0,               0,          ""               },
	{"recipients",          VALUE_WORD,    FIELD(recipients),          "any all",                             RECIPIENTS_ANY,  0,          "any"            },
	{"max_recipients",      VALUE_NUMBER,  FIELD(max_recipients),      NULL,                                  1,               100000,     "100"            },
	{"connect_timeout",     VALUE_TIME,    FIELD(connect_timeout),     NULL,                                  1,               3600,       "10s"            },
	{"timeout",             VALUE_TIME,    FIELD(timeout),             NULL,                                  1,               86400,      "5m"             },
	{"commit_timeout",      VALUE_TIME,    FIELD(commit_timeout),      NULL,                                  1,               86400,      "10m"            },
	{"deadline",            VALUE_TIME,    FIELD(deadline),            NULL,                                  1,               604800,     "1h"             },
	{"retry_for",           VALUE_TIME,    FIELD(retry_for),           NULL,                                  0,               86400,      "0s"             },
	{"tempfail_exit",       VALUE_NUMBER,  FIELD(tempfail_exit),       NULL,                                  1,               255,        "69"             },
	{"from_header",         VALUE_WORD,    FIELD(from_header),         "keep force match",                    FROM_KEEP,       0,          "keep"           },
	{"full_name",           VALUE_TEXT,    FIELD(full_name),           NULL,                                  0,               0,          ""               },
	{"sender_header",       VALUE_YES,     FIELD(sender_header),       NULL,                                  0,               0,          "no"             },
	{"reply_to",            VALUE_ADDRESS, FIELD(reply_to),            NULL,                                  0,               0,          ""               },
	{"add_header",          VALUE_LIST,    FIELD(add_header),          NULL,                                  0,               0,          ""               },
	{"rewrite_headers",     VALUE_YES,     FIELD(rewrite_headers),     NULL,                                  0,               0,          "no"             },
	{"aliases_file",        VALUE_PATH,    FIELD(aliases_file),        NULL,                                  0,               0,          ""               },
	{"match",               VALUE_LIST,    FIELD(match),               NULL,                                  0,               0,          ""               },
	{"dsn_notify",          VALUE_TEXT,    FIELD(dsn_notify),          NULL,                                  0,               0,          ""               },
	{"dsn_return",          VALUE_WORD,    FIELD(dsn_return),          "full hdrs",                           DSN_RETURN_FULL, 0,          ""               },
	{"dot_ends",            VALUE_YES,     FIELD(dot_ends),            NULL,                                  0,               0,          "no"             },
	{"max_hops",            VALUE_NUMBER,  FIELD(max_hops),            NULL,                                  1,               1000,       "50"             },
	{"max_size",            VALUE_SIZE,    FIELD(max_size),            NULL,                                  1,               2147483647, ""               },
	{"dead_letter",         VALUE_PATH,    FIELD(dead_letter),         "off",                                 0,               0,          "off"            },
	{"sandbox",             VALUE_YES,     FIELD(sandbox),             NULL,                                  0,               0,          MAILCHUTE_SANDBOX},
	{"log",		 VALUE_PATH,    FIELD(log),                 "syslog stderr off",                   0,               0,          "syslog"         },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

const struct value_key *
profile_key(const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

const char *
profile_nearest_key(const char *name)
{
	const char *nearest = NULL;
	unsigned best = 1 + (unsigned)strlen(name) / 2, distance;
	size_t i;

	for (i = 0; i < KEYS; i++) {
		distance = text_distance(name, keys[i].name);
		if (distance < best) {
			best = distance;
			nearest = keys[i].name;
		}
	}
	return nearest;
}

static int
set_key(struct profile *p, const struct profile_file *f, const struct world *w,
	const struct profile_entry *entry, struct err *e)
{
	const struct value_key *key = profile_key(entry->key);
	struct err why = {.kind = ERR_NONE};

	if (key == NULL)
		return err_set(e, ERR_FAULT, "key %s was not checked", entry->key);
	if (value_set(key, p, entry->value, entry->continues, f->of_home, w, &why) == 0)
		return 0;
	return err_set(e, why.kind, "%s:%u: %s: %s", f->path, entry->line, key->name, why.text);
}

static int
set_section(struct profile *p, const struct profile_file *f, const struct world *w,
	const char *name, struct err *e)
{
	size_t i, found = 0;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->entries[i].section, name) != 0)
			continue;
		found++;
		if (set_key(p, f, w, &f->entries[i], e) == -1)
			return -1;
	}
	if (found == 0 && strcmp(name, "default") != 0)
		return err_set(e, ERR_CONFIG, "%s has no section [%s]", f->path, name);
	return 0;
}

/* Ports and TLS that aren't written follow from each other: 465 is implicit, all else STARTTLS. */
static void
finish_hosts(struct profile *p)
{
	size_t i;

	for (i = 0; i < p->hosts.n; i++) {
		struct value_host *h = &p->hosts.list[i];

		if (h->port == 0)
			h->port = p->port;
		if (h->port == 0)
			h->port = p->tls == TLS_IMPLICIT ? 465 : 587;
		h->tls = p->tls;
		if (h->tls == TLS_BY_PORT && h->port != VALUE_PORT_AUTO)
			h->tls = h->port == 465 ? TLS_IMPLICIT : TLS_STARTTLS;
	}
}

/* A section with a secret of its own, of either kind, doesn't inherit the other kinds. */
static void
forget_secrets(struct profile *p, const struct profile_file *f, const char *section)
{
	static const char *const families[] = {"password", "oauth_token"};
	size_t i, k, m;

	for (i = 0; i < f->n; i++) {
		for (k = 0; k < 2; k++) {
			if (strcmp(f->entries[i].section, section) != 0 ||
				strncmp(f->entries[i].key, families[k], strlen(families[k])) != 0)
				continue;
			for (m = 0; m < KEYS; m++) {
				if (strncmp(keys[m].name, families[k], strlen(families[k])) == 0)
					value_clear(&keys[m], p);
			}
		}
	}
}

int
profile_choose(struct profile *p, const struct profile_file *f, const struct world *w,
	const char *name, bool by_caller, struct err *e)
{
	size_t i;
	struct err why = {.kind = ERR_NONE};

	*p = (struct profile){.file = f, .section = name != NULL ? name : "default"};
	for (i = 0; i < KEYS; i++) {
		if (keys[i].fallback[0] != '\0' &&
			value_set(&keys[i], p, keys[i].fallback, false, false, w, &why) == -1)
			return err_set(e, why.kind == ERR_SYSTEM ? ERR_SYSTEM : ERR_FAULT,
				"default of %s: %s", keys[i].name, why.text);
	}
	if (set_section(p, f, w, "default", e) == -1)
		return -1;
	if (name != NULL && strcmp(name, "default") != 0) {
		/* What [default] says of itself isn't inherited. */
		p->selectable = false;
		value_clear(profile_key("match"), p);
		forget_secrets(p, f, name);
		if (strcmp(name, "aliases") == 0 || set_section(p, f, w, name, e) == -1)
			return err_set(e, ERR_CONFIG, "%s has no section [%s]", f->path, name);
	}
	/* [default] too: a section that match wants can't be got round by its name. */
	if (name != NULL && by_caller && !p->selectable)
		return err_set(e, ERR_CONFIG, "%s: section [%s] doesn't say selectable = yes",
			f->path, name);
	finish_hosts(p);
	return 0;
}

void
profile_clear(struct profile *p)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		value_clear(&keys[i], p);
}

void
profile_show(const struct profile *p, struct text *out)
{
	static const char *const ways[] = {
		[TLS_BY_PORT] =
			"by TLS from the start on 465 or by STARTTLS on 587, which answers first",
		[TLS_STARTTLS] = "by STARTTLS",
		[TLS_IMPLICIT] = "by TLS from the start",
		[TLS_OFF] = "in clear",
		[TLS_OPPORTUNISTIC] = "by STARTTLS where it is offered, else in clear",
	};
	size_t i;

	text_printf(out, "# %s\n[%s]\n", p->file->path, p->section);
	for (i = 0; i < p->hosts.n; i++) {
		text_puts(out, "# ");
		value_host_words(&p->hosts.list[i], out);
		text_printf(out, " is spoken to %s\n", ways[p->hosts.list[i].tls]);
	}
	for (i = 0; i < KEYS; i++)
		value_show(&keys[i], p, out);
}

const char *
profile_section(const struct profile_file *f, size_t n)
{
	const char *name;
	size_t i, k;

	for (i = 0; i < f->n; i++) {
		name = f->entries[i].section;
		for (k = 0; strcmp(f->entries[k].section, name) != 0; k++)
			;
		if (k < i || strcmp(name, "default") == 0 || strcmp(name, "aliases") == 0)
			continue;
		if (n-- == 0)
			return name;
	}
	return NULL;
}
