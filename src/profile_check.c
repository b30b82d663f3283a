/* SPDX-License-Identifier: ISC */
/* profile_check.c: what keys must fulfil together, and what follows from them. Changes nothing. */
#include "profile.h"

#include <string.h>

/* "Name: value", with a name as RFC 5322 2.2 has it. */
static bool
is_header(const char *s)
{
	size_t n = 0;

	while (s[n] > 32 && s[n] < 127 && s[n] != ':')
		n++;
	return n > 0 && s[n] == ':' && !text_same_n(s, n, "Bcc") &&
	       !text_same_n(s, n, "Resent-Bcc");
}

/* What a list's items and a DSN's words must look like; NULL where all is well. */
static const char *
check_items(const struct profile *p)
{
	size_t i;

	for (i = 0; i < p->add_header.n; i++) {
		if (!is_header(p->add_header.item[i]))
			return "add_header is a list of \"Name: value\" lines, and never a Bcc";
	}
	if (p->reply_to != NULL &&
		(strchr(p->reply_to, '@') == NULL || strchr(p->reply_to, '%') != NULL))
		return "reply_to is a whole address, without %u or %h";
	if (p->helo != NULL &&
		(text_same(p->helo, "localhost") || text_same(p->helo, "localhost.localdomain")))
		return "helo can't be localhost: servers refuse it";
	if (p->dsn_notify != NULL && !profile_is_notify(p->dsn_notify))
		return "dsn_notify is never, or some of success,failure,delay";
	return NULL;
}

bool
profile_is_notify(const char *s)
{
	static const char *const words[] = {"success", "failure", "delay"};
	unsigned seen = 0;
	size_t n, i;

	if (text_same(s, "never"))
		return true;
	for (;; s += n + 1) {
		n = strcspn(s, ",");
		for (i = 0; i < 3 && !text_same_n(s, n, words[i]); i++)
			;
		if (i == 3 || (seen & 1U << i) != 0)
			return false;
		seen |= 1U << i;
		if (s[n] == '\0')
			return true;
	}
}

bool
profile_logs_in(const struct profile *p)
{
	return strcmp(p->auth, "off") != 0 && (p->user != NULL || p->tls_cert != NULL);
}

bool
profile_is_weak(const struct profile *p, const struct value_host *host)
{
	return host->tls == TLS_OFF || host->tls == TLS_OPPORTUNISTIC || !p->tls_verify;
}

/* A mechanism that the profile names has what it needs: its own words where it hasn't. */
static const char *
check_mechanisms(const struct profile *p, bool has_password, bool has_token)
{
	const char *at = p->auth;
	size_t n;

	if (strcmp(at, "auto") == 0 || strcmp(at, "off") == 0)
		return NULL;
	for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
		n = strcspn(at, " ");
		if (text_same_n(at, n, "EXTERNAL") && p->tls_cert == NULL)
			return "auth asks for EXTERNAL, but there is no tls_cert";
		if (!text_same_n(at, n, "EXTERNAL") && p->user == NULL)
			return "auth asks for a mechanism, but there is no user";
		if ((text_same_n(at, n, "OAUTHBEARER") || text_same_n(at, n, "XOAUTH2")) &&
			!has_token)
			return "auth asks for a token, but there is no oauth_token_file or "
			       "oauth_token_command";
		if (!text_same_n(at, n, "EXTERNAL") && !text_same_n(at, n, "OAUTHBEARER") &&
			!text_same_n(at, n, "XOAUTH2") && !has_password)
			return "auth asks for a mechanism with a password, but there is none";
		at += n;
	}
	return NULL;
}

/* Who logs in, and by what. */
static const char *
check_login(const struct profile *p)
{
	int passwords = (p->password != NULL) + (p->password_file != NULL) +
			(p->password_command != NULL),
	    tokens = (p->oauth_token_file != NULL) + (p->oauth_token_command != NULL);

	if (passwords > 1)
		return "password, password_file and password_command exclude each other";
	if (tokens > 1)
		return "oauth_token_file and oauth_token_command exclude each other";
	if (passwords > 0 && p->user == NULL)
		return "a password stands there, but no user";
	if (tokens > 0 && p->user == NULL)
		return "a token stands there, but no user";
	if (p->user != NULL && passwords + tokens == 0 && p->tls_cert == NULL &&
		strcmp(p->auth, "off") != 0)
		return "user stands there, but no password (or password_file, "
		       "password_command), token or tls_cert";
	return check_mechanisms(p, passwords > 0, tokens > 0);
}

static const char *
check_trust(const struct profile *p)
{
	if (p->tls_trust != NULL && strcmp(p->tls_trust, "pin") == 0 && p->tls_pin.n == 0)
		return "tls_trust = pin, but there is no tls_pin";
	if (!p->tls_verify && p->tls_pin.n > 0)
		return "tls_verify = no, and a tls_pin: to trust the pin alone, write tls_trust = "
		       "pin";
	if (p->port == VALUE_PORT_AUTO && p->tls != TLS_BY_PORT)
		return "port = auto says by itself which TLS it is: leave tls out";
	if (p->tls_key != NULL && p->tls_cert == NULL)
		return "a tls_key stands there, but no tls_cert";
	return NULL;
}

int
profile_check(const struct profile *p, struct err *e)
{
	static const char *(*const checks[])(const struct profile *) = {
		check_items, check_login, check_trust};
	const char *path = p->file->path, *wrong = NULL;
	size_t i;

	for (i = 0; wrong == NULL && i < sizeof(checks) / sizeof(checks[0]); i++)
		wrong = checks[i](p);
	if (wrong != NULL)
		return err_set(e, ERR_CONFIG, "%s: [%s]: %s", path, p->section, wrong);
	if (p->hosts.n == 0)
		return err_set(e, ERR_CONFIG, "%s: [%s] names no host", path, p->section);
	for (i = 0; i < p->hosts.n; i++) {
		if (profile_is_weak(p, &p->hosts.list[i]) && profile_logs_in(p) &&
			!p->auth_insecure)
			return err_set(e, ERR_CONFIG,
				"%s: [%s]: %s, and a log-in: no password goes to a server that "
				"hasn't proved who it is without auth_insecure = yes",
				path, p->section,
				!p->tls_verify                    ? "tls_verify = no"
				: p->hosts.list[i].tls == TLS_OFF ? "tls = off"
								  : "tls = opportunistic");
	}
	return 0;
}
