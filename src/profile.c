/* SPDX-License-Identifier: ISC */
/* profile.c: the table of keys, and the section in force. Reads no file: profile_file.c does. */
#include "profile.h"

#include <string.h>

#define FIELD(name) offsetof(struct profile, name)

/*
 * The documentation of record: name, kind, field, what its kind needs to know (the words or the
 * range), default. The man page and etc/mailchute.ini name every one (a test sees to it).
 */
static const struct value_key keys[] = {
	{"host", VALUE_HOSTS, FIELD(hosts), NULL, 0, 0, NULL},
	{"port", VALUE_NUMBER, FIELD(port), NULL, 1, 65535, NULL},
	{"tls", VALUE_WORD, FIELD(tls), "starttls implicit", TLS_STARTTLS, 0, NULL},
	{"tls_trust", VALUE_PATH, FIELD(tls_trust), "system", 0, 0, "system"},
	{"tls_name", VALUE_HOST, FIELD(tls_name), NULL, 0, 0, NULL},
	{"auth", VALUE_WORDS, FIELD(auth), "auto off PLAIN LOGIN", 0, 0, "auto"},
	{"auth_insecure", VALUE_YES, FIELD(auth_insecure), NULL, 0, 0, "no"},
	{"user", VALUE_TEXT, FIELD(user), NULL, 0, 0, NULL},
	{"password", VALUE_SECRET, FIELD(password), NULL, 0, 0, NULL},
	{"password_file", VALUE_PATH, FIELD(password_file), "*", 0, 0, NULL},
	{"secret_mode", VALUE_WORD, FIELD(secret_mode), "strict any", SECRET_STRICT, 0, "strict"},
	{"from", VALUE_ADDRESS, FIELD(from), NULL, 0, 0, NULL},
	{"allow_from_override", VALUE_YES, FIELD(allow_from_override), NULL, 0, 0, "yes"},
	{"selectable", VALUE_YES, FIELD(selectable), NULL, 0, 0, "no"},
	{"user_profiles", VALUE_YES, FIELD(user_profiles), NULL, 0, 0, "no"},
	{"domain", VALUE_HOST, FIELD(domain), NULL, 0, 0, NULL},
	{"helo", VALUE_HOST, FIELD(helo), NULL, 0, 0, NULL},
	{"recipients", VALUE_WORD, FIELD(recipients), "any all", RECIPIENTS_ANY, 0, "any"},
	{"max_recipients", VALUE_NUMBER, FIELD(max_recipients), NULL, 1, 100000, "100"},
	{"connect_timeout", VALUE_TIME, FIELD(connect_timeout), NULL, 1, 3600, "10s"},
	{"timeout", VALUE_TIME, FIELD(timeout), NULL, 1, 86400, "5m"},
	{"commit_timeout", VALUE_TIME, FIELD(commit_timeout), NULL, 1, 86400, "10m"},
	{"deadline", VALUE_TIME, FIELD(deadline), NULL, 1, 604800, "1h"},
	{"tempfail_exit", VALUE_NUMBER, FIELD(tempfail_exit), NULL, 1, 255, "69"},
	{"log", VALUE_PATH, FIELD(log), "syslog stderr off", 0, 0, "syslog"},
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
	char why[512];

	if (key == NULL)
		return err_set(e, ERR_FAULT, "key %s was not checked", entry->key);
	if (value_set(key, p, entry->value, entry->continues, f->of_home, w, why, sizeof(why)) == 0)
		return 0;
	return err_set(e, ERR_CONFIG, "%s:%u: %s: %s", f->path, entry->line, key->name, why);
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
		if (h->tls == TLS_BY_PORT)
			h->tls = h->port == 465 ? TLS_IMPLICIT : TLS_STARTTLS;
	}
}

/* What no single key can tell. */
static int
check_whole(const struct profile *p, struct err *e)
{
	const char *path = p->file->path;
	bool has_password = p->password != NULL || p->password_file != NULL;

	if (p->hosts.n == 0)
		return err_set(e, ERR_CONFIG, "%s: [%s] names no host", path, p->section);
	if (p->password != NULL && p->password_file != NULL)
		return err_set(e, ERR_CONFIG, "%s: password and password_file exclude each other",
			path);
	if (has_password && p->user == NULL)
		return err_set(e, ERR_CONFIG, "%s: a password stands there, but no user", path);
	if (p->user != NULL && !has_password && strcmp(p->auth, "off") != 0)
		return err_set(e, ERR_CONFIG,
			"%s: user stands there, but no password or password_file", path);
	if (p->user == NULL && strcmp(p->auth, "auto") != 0 && strcmp(p->auth, "off") != 0)
		return err_set(e, ERR_CONFIG, "%s: auth asks for %s, but there is no user", path,
			p->auth);
	if (p->password != NULL && p->file->others_read && p->secret_mode == SECRET_STRICT)
		return err_set(e, ERR_CONFIG,
			"%s holds a password and others can read it: chmod o-rwx %s", path, path);
	return 0;
}

int
profile_choose(struct profile *p, const struct profile_file *f, const struct world *w,
	const char *name, struct err *e)
{
	size_t i;
	char why[512];

	*p = (struct profile){.file = f, .section = name != NULL ? name : "default"};
	for (i = 0; i < KEYS; i++) {
		if (keys[i].fallback != NULL && value_set(&keys[i], p, keys[i].fallback, false, false,
							w, why, sizeof(why)) == -1)
			return err_set(e, ERR_FAULT, "default of %s: %s", keys[i].name, why);
	}
	if (set_section(p, f, w, "default", e) == -1)
		return -1;
	if (name != NULL && strcmp(name, "default") != 0) {
		/* An own word of each section: what [default] says of itself isn't inherited. */
		p->selectable = false;
		if (strcmp(name, "aliases") == 0 || set_section(p, f, w, name, e) == -1)
			return err_set(e, ERR_CONFIG, "%s has no section [%s]", f->path, name);
		if (!p->selectable)
			return err_set(e, ERR_CONFIG, "%s: section [%s] doesn't say selectable = yes",
				f->path, name);
	}
	finish_hosts(p);
	return check_whole(p, e);
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
	size_t i;

	text_printf(out, "# %s\n[%s]\n", p->file->path, p->section);
	for (i = 0; i < KEYS; i++)
		value_show(&keys[i], p, out);
}

const char *
profile_alias(const struct profile_file *f, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->entries[i].section, "aliases") == 0 &&
			text_same(f->entries[i].key, name) && n-- == 0)
			return f->entries[i].value;
	}
	return NULL;
}
