/* SPDX-License-Identifier: ISC */
/* profile.h: mailchute.ini, checked. Reads files; knows no server and sends nothing. */
#ifndef MAILCHUTE_PROFILE_H
#define MAILCHUTE_PROFILE_H

#include "err.h"
#include "text.h"
#include "value.h"
#include "world.h"

#include <stdbool.h>
#include <stddef.h>

/* One key = value of the file. */
struct profile_entry {
	char *section, *key, *value;
	unsigned line;
	bool continues;
};

/* A file as it was read. */
struct profile_file {
	char *path;
	bool of_home;     /* the user's own: ~/ may be used in it */
	bool others_read; /* its mode lets others read it */
	struct profile_entry *entries;
	size_t n;
	struct text complaints; /* lines "PATH:LINE: words\n" */
};

enum profile_tls { TLS_BY_PORT, TLS_STARTTLS, TLS_IMPLICIT, TLS_OFF, TLS_OPPORTUNISTIC };
enum profile_secret_mode { SECRET_STRICT, SECRET_ANY };
enum profile_from_header { FROM_KEEP, FROM_FORCE, FROM_MATCH };
enum profile_dsn_return { DSN_RETURN_UNSAID, DSN_RETURN_FULL, DSN_RETURN_HDRS };
enum profile_recipients { RECIPIENTS_ANY, RECIPIENTS_ALL };

/* The section in force. Times in seconds. A key is one field here and one row in profile.c. */
struct profile {
	const struct profile_file *file;
	const char *section;
	struct value_hosts hosts;
	int port; /* 0: by tls; VALUE_PORT_AUTO */
	int tls;
	char *tls_trust; /* NULL: the system's, else those compiled in */
	struct value_list tls_pin;
	char *tls_name;
	char *tls_cert, *tls_key;
	bool tls_verify;
	char *auth; /* "auto", "off", or mechanisms separated by blanks */
	bool auth_insecure;
	bool auth_pipelining;
	char *user;
	char *password;
	char *password_file;
	char *password_command;
	char *oauth_token_file, *oauth_token_command;
	int secret_mode;
	char *from;
	bool allow_from_override;
	bool selectable;
	bool user_profiles;
	char *domain;
	char *helo;
	int recipients;
	int max_recipients;
	int connect_timeout, timeout, commit_timeout, deadline;
	int retry_for;
	int tempfail_exit;
	char *dead_letter; /* a folder, or "off" */
	bool sandbox;
	char *log;
	int from_header;
	char *full_name;
	bool sender_header;
	char *reply_to;
	struct value_list add_header;
	bool rewrite_headers;
	char *aliases_file;
	struct value_list match;
	char *dsn_notify; /* as RFC 3461 writes it */
	int dsn_return;
	bool dot_ends;
	int max_hops;
	int max_size; /* bytes; 0: none */
};

/*
 * Finds the file that counts (the system's, else $MAILCHUTE_CONFIG, else the home's), checks who
 * owns it, reads it and checks every line of every section. Error: ERR_CONFIG with all complaints,
 * joined by "; "; they are in f->complaints, a line each.
 */
int profile_open(struct profile_file *f, const struct world *w, struct err *e);
void profile_close(struct profile_file *f);

/*
 * Fills p from [default] and then the section called name (NULL: [default] alone). by_caller: the
 * name comes from the command line, so that the section must say selectable = yes. Error:
 * ERR_CONFIG where there is no such section, or it isn't selectable. The caller clears p in any
 * case.
 */
int profile_choose(struct profile *p, const struct profile_file *f, const struct world *w,
	const char *name, bool by_caller, struct err *e);

/* What no single key can tell: ERR_CONFIG where a key is missing or two contradict each other. */
int profile_check(const struct profile *p, struct err *e);

/* True where a session is to log in; and where the server needs no proof of who it is. */
bool profile_logs_in(const struct profile *p);
bool profile_is_weak(const struct profile *p, const struct value_host *host);

/* The n-th section's name that has keys, in the file's order, without default and aliases; NULL. */
const char *profile_section(const struct profile_file *f, size_t n);
void profile_clear(struct profile *p);

/* The table's row for a key, or NULL; and the nearest name to one that isn't there, or NULL. */
const struct value_key *profile_key(const char *name);
const char *profile_nearest_key(const char *name);

/* True for "never" and lists of success, failure, delay, each once (RFC 3461 4.1), in any case. */
bool profile_is_notify(const char *s);

/* ERR_DATA where an alias's value leads elsewhere than to addresses: |program, /file, :include:. */
int profile_check_alias(const char *value, struct err *e);

/* Adds the profile in force, as a file could hold it, the secrets masked. */
void profile_show(const struct profile *p, struct text *out);

#endif
