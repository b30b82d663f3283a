/* SPDX-License-Identifier: ISC */
/* post.c: the profile in force and what hangs on it, for every face. Reads no message. */
#include "post.h"
#include "keypair.h"
#include "output.h"
#include "sandbox.h"
#include "secret.h"
#include "trust.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
show_dialogue(void *ctx, const char *who, const char *text)
{
	(void)ctx;
	output_line(who, text);
}

/* -or30s: a timeout of the caller's, never under half a minute. Returns milliseconds, or 0. */
static int
callers_timeout(const char *text)
{
	static const char letters[] = "smhd";
	static const int seconds[] = {1, 60, 3600, 86400};
	char digits[8];
	size_t n = text != NULL ? strlen(text) : 0;
	const char *letter = n > 0 ? strchr(letters, text[n - 1]) : NULL;
	long long value;

	n -= letter != NULL;
	if (n == 0 || n >= sizeof(digits))
		return 0;
	memcpy(digits, text, n);
	digits[n] = '\0';
	value = text_number(digits, 86400) * (letter != NULL ? seconds[letter - letters] : 60);
	if (value < 0)
		return 0;
	return (value < 30 ? 30 : value > 86400 ? 86400 : (int)value) * 1000;
}

void
post_init(struct post *p, const struct world *w, const struct request *r)
{
	struct err ignored = {.kind = ERR_NONE};

	p->world = w;
	p->request = r;
	p->file = (struct profile_file){.n = 0};
	p->profile = (struct profile){.port = 0};
	aliases_init(&p->aliases);
	text_fixed(&p->password, p->password_buf, sizeof(p->password_buf));
	text_fixed(&p->token, p->token_buf, sizeof(p->token_buf));
	p->client = NULL;
	p->letters = -1;
	p->letter_folder = NULL;
	p->letters_error.kind = ERR_NONE;
	log_open(&p->log, "syslog", &ignored);
	p->job = (struct session_job){.profile = &p->profile,
		.world = w,
		.family = r->v4   ? AF_INET
			  : r->v6 ? AF_INET6
				  : AF_UNSPEC};
	if (r->verbose > 0)
		p->job.trace.line = show_dialogue;
}

static void
close_letters(struct post *p)
{
	if (p->letters != -1)
		(void)close(p->letters);
	p->letters = -1;
}

/* That it isn't there is told now, and once more where a message failed. */
static void
open_letters(struct post *p, struct letter *l)
{
	close_letters(p);
	err_clear(&p->letters_error);
	if (strcmp(p->profile.dead_letter, "off") == 0)
		return;
	p->letters = dead_open(p->profile.dead_letter, &p->letters_error);
	if (p->letters == -1)
		letter_warn(p, l, p->letters_error.text);
}

static void
forget_secrets(struct post *p)
{
	text_wipe(p->password_buf, sizeof(p->password_buf));
	text_wipe(p->token_buf, sizeof(p->token_buf));
	text_fixed(&p->password, p->password_buf, sizeof(p->password_buf));
	text_fixed(&p->token, p->token_buf, sizeof(p->token_buf));
	if (p->client != NULL)
		keypair_free(p->client);
	free(p->client);
	p->client = NULL;
	p->job.client = NULL;
}

void
post_close(struct post *p)
{
	close_letters(p);
	forget_secrets(p);
	aliases_free(&p->aliases);
	profile_clear(&p->profile);
	profile_close(&p->file);
	log_close(&p->log);
}

static int
choose(struct post *p, struct letter *l, const char *section, bool by_caller, struct err *e)
{
	struct err log_error = {.kind = ERR_NONE};
	int asked;

	profile_clear(&p->profile);
	if (profile_choose(&p->profile, &p->file, p->world, section, by_caller, e) == -1)
		return -1;
	log_close(&p->log);
	log_open(&p->log, p->profile.log, &log_error);
	if (log_error.kind != ERR_NONE)
		letter_warn(p, l, log_error.text);
	open_letters(p, l);
	asked = callers_timeout(p->request->timeout);
	p->job.timeout = asked > 0 && asked < p->profile.timeout * 1000 ? asked : 0;
	aliases_free(&p->aliases);
	return p->request->no_aliases
		       ? 0
		       : aliases_load(&p->aliases, &p->file, p->profile.aliases_file, e);
}

int
post_open(struct post *p, struct letter *l, struct err *e)
{
	if (profile_open(&p->file, p->world, e) == -1)
		return -1;
	/* A set-id program's caller picks nothing. */
	if (p->request->section != NULL && p->world->set_id)
		return err_set(
			e, ERR_CONFIG, "--profile doesn't count where the program is set-id");
	return choose(p, l, p->request->section, true, e);
}

int
post_open_section(struct post *p, struct letter *l, const char *section, struct err *e)
{
	return profile_open(&p->file, p->world, e) == -1 ? -1 : choose(p, l, section, false, e);
}

/* * stands for any run of bytes; ASCII case doesn't count. */
static bool
fits(const char *pattern, const char *s)
{
	const char *star = NULL, *from = s;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = s;
		} else if (*pattern != '\0' && text_lower(*pattern) == text_lower(*s)) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star + 1;
			s = ++from;
		} else
			return false;
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static bool
is_user(const struct world *w, const char *name)
{
	return text_number(name, 4294967295LL) == (long long)w->uid ||
	       strcmp(w->login(w), name) == 0;
}

/* Every recipient: a section's server may not be shown the others. */
static bool
all_fit(const struct envelope *env, const char *pattern)
{
	size_t i;

	for (i = 0; i < env->n; i++) {
		if (!fits(pattern, env->rcpts[i].address))
			return false;
	}
	return env->n > 0;
}

static bool
matches(const struct post *p, const struct letter *l, const struct profile *candidate)
{
	size_t i;

	for (i = 0; i < candidate->match.n; i++) {
		const char *pattern = candidate->match.item[i];

		if (strncmp(pattern, "user:", 5) == 0) {
			if (is_user(p->world, pattern + 5))
				return true;
		} else if (strncmp(pattern, "rcpt:", 5) == 0) {
			if (all_fit(&l->envelope, pattern + 5))
				return true;
		} else if (fits(pattern, l->envelope.from))
			return true;
	}
	return false;
}

int
post_pick_section(struct post *p, struct letter *l, struct err *e)
{
	struct profile candidate;
	const char *name, *chosen = NULL;
	size_t n;

	if (p->request->section != NULL)
		return 0;
	for (n = 0; chosen == NULL && (name = profile_section(&p->file, n)) != NULL; n++) {
		if (profile_choose(&candidate, &p->file, p->world, name, false, e) == 0 &&
			matches(p, l, &candidate))
			chosen = name;
		profile_clear(&candidate);
		if (e->kind != ERR_NONE)
			return -1;
	}
	return chosen == NULL ? 0 : choose(p, l, chosen, false, e);
}

static int
load_client(struct post *p, struct err *e)
{
	p->client = malloc(sizeof(*p->client));
	if (p->client == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the client certificate");
	if (keypair_load(p->client, &p->profile, p->world, e) == -1)
		return -1;
	p->job.client = p->client;
	return 0;
}

/*
 * A run that may last sees files replaced by newer ones, resolv.conf by each change of the network:
 * then their folders are readable besides: the files themselves may be links to elsewhere (WSL has
 * resolv.conf below /mnt). -bs reads further messages, and further names.
 */
static int
enter_sandbox(struct post *p, struct err *e)
{
	bool serves = p->request->mode == MODE_SMTP;
	bool lasts = serves || p->profile.retry_for > 0;
	struct sandbox_needs needs = {
		.roots = trust_where(p->profile.tls_trust),
		.readable = {"/etc/resolv.conf", "/etc/hosts", lasts ? "/etc" : NULL,
			     lasts ? "/run" : NULL},
		.spool_folder = serves ? p->world->spool_folder : NULL,
		.letters = p->letters,
		.removes_folder = p->letter_folder,
	};

	if (!p->profile.sandbox)
		return 0;
	log_ready(&p->log);
	return sandbox_enter(&needs, e);
}

int
post_ready(struct post *p, struct err *e)
{
	/* What a try that failed has fetched is no part of what this one fetches. */
	forget_secrets(p);
	if (secret_password(&p->profile, p->world, &p->password, e) == -1 ||
		secret_token(&p->profile, p->world, &p->token, e) == -1)
		return -1;
	p->job.password = p->password.at;
	p->job.token = p->token.at;
	if (p->profile.tls_cert != NULL && load_client(p, e) == -1)
		return -1;
	return enter_sandbox(p, e);
}

int
post_status(const struct post *p, const struct err *e)
{
	return err_status(e->kind, p->profile.tempfail_exit > 0 ? p->profile.tempfail_exit : 69);
}
