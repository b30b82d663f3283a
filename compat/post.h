/* SPDX-License-Identifier: ISC */
/* post.h: what every face does with a message between reading it and sending it. */
#ifndef MAILCHUTE_POST_H
#define MAILCHUTE_POST_H

#include "aliases.h"
#include "dead.h"
#include "edit.h"
#include "envelope.h"
#include "flags.h"
#include "log.h"
#include "message.h"
#include "origin.h"
#include "profile.h"
#include "spool.h"
#include "submit.h"

/* A process's: the profile, and what hangs on it. */
struct post {
	const struct world *world;
	const struct request *request;
	struct profile_file file;
	struct profile profile;
	struct aliases aliases;
	struct log log;
	int letters;              /* the folder for dead letters; -1: none */
	struct err letters_error; /* why there is none */
	struct text password, token;
	char password_buf[8192], token_buf[16384];
	struct keypair *client; /* NULL: none */
	struct session_job job;
	const char *letter_folder; /* resend's, where a letter is removed; NULL: none is */
};

/* One message's. */
struct letter {
	struct spool spool;
	struct message message;
	struct envelope envelope;
	struct origin origin;
	struct edit_notes notes;
	struct transaction_mail mail;
	char notify[64], envid[128];
	struct session_report report;
	bool edited;          /* the message could leave as it is */
	struct text kept;     /* the dead letter's path; "" where there is none */
	struct text warnings; /* for the log line */
	int64_t began;        /* ms */
};

void post_init(struct post *p, const struct world *w, const struct request *r);
void post_close(struct post *p);

/* Opens the profile and takes [default], or the section that the command line names. */
int post_open(struct post *p, struct letter *l, struct err *e);

/* The same with this section, whoever may select it. */
int post_open_section(struct post *p, struct letter *l, const char *section, struct err *e);

/* Takes the first section whose `match` fits, where the command line names none. */
int post_pick_section(struct post *p, struct letter *l, struct err *e);

/*
 * The last thing before the first packet: fetches the secrets and enters the sandbox. The profile was
 * checked (profile_check), all input was read, but for -bs.
 */
int post_ready(struct post *p, struct err *e);

void letter_init(struct letter *l);
void letter_free(struct letter *l);

/* Notes something for the log line, and shows it under -v. */
void letter_warn(const struct post *p, struct letter *l, const char *words);

/* Adds the addresses of a list to the recipients. folded: a header field's body. */
int letter_add_list(const struct post *p, struct letter *l, const char *text, size_t n, bool folded,
	struct err *e);

/*
 * Picks the section, and fills in the sender and the recipients: the command line's and, with -t, those
 * in the header of the message that was read.
 */
int letter_address(struct post *p, struct letter *l, struct err *e);

/* What MAIL and RCPT say of DSN, by command line and profile; what stands in l->mail goes first. */
void letter_dsn(const struct post *p, struct letter *l);

/* Edits and counts the message, fills l->mail; refuses loops and what is too large. */
int letter_edit(const struct post *p, struct letter *l, struct err *e);

/*
 * Keeps a message that failed as a dead letter, where the profile has a folder for them, and adds to
 * the error where it is, or why it isn't.
 */
void letter_keep(const struct post *p, struct letter *l, struct err *e);

/* One line for this message. */
void letter_log(struct post *p, const struct letter *l, const struct err *e, int status);

/* The exit status that belongs to an error. */
int post_status(const struct post *p, const struct err *e);

#endif
