/* SPDX-License-Identifier: ISC */
/* smtp.h: the dialogue: commands, replies, capabilities, TLS. Knows no profile and no message. */
#ifndef MAILCHUTE_SMTP_H
#define MAILCHUTE_SMTP_H

#include "err.h"
#include "net.h"
#include "text.h"
#include "tls.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

/* What EHLO announced; bits. */
enum smtp_capability {
	SMTP_STARTTLS = 1,
	SMTP_PIPELINING = 2,
	SMTP_8BITMIME = 4,
	SMTP_UTF8 = 8,
	SMTP_SIZE = 16,
	SMTP_AUTH = 32,
	SMTP_DSN = 64,
	SMTP_CHUNKING = 128,
};

/* Where in the dialogue we are: what an error names. */
enum smtp_phase {
	SMTP_AT_GREETING,
	SMTP_AT_EHLO,
	SMTP_AT_STARTTLS,
	SMTP_AT_HANDSHAKE,
	SMTP_AT_AUTH,
	SMTP_AT_MAIL,
	SMTP_AT_RCPT,
	SMTP_AT_DATA,
	SMTP_AT_CONTENT,
	SMTP_AT_END, /* the commit window */
	SMTP_AT_RSET,
	SMTP_PHASES
};

/* RFC 5321 4.5.3.1, and what a hostile server gets at most. */
#define SMTP_LINE_MAX  2048
#define SMTP_LINES_MAX 128
#define SMTP_REPLY_MAX 65536

/* The words of a reply, joined by blanks, "250 2.0.0 Ok"; masked, and cut at this length. */
#define SMTP_WORDS_SIZE 1024

struct smtp_reply {
	int code; /* 200 to 599 */
	char words[SMTP_WORDS_SIZE];
};

/* Sees the dialogue, secrets masked. who: "S", "C" or "*". */
struct smtp_trace {
	void (*line)(void *ctx, const char *who, const char *text);
	void *ctx;
};

enum smtp_tls { SMTP_TLS_BY_STARTTLS, SMTP_TLS_FROM_START, SMTP_TLS_IF_OFFERED, SMTP_NO_TLS };

/* How a session is brought up. Times in milliseconds; the strings outlive the session. */
struct smtp_options {
	const char *host; /* as the user wrote it, for words */
	enum smtp_tls tls;
	struct tls_options tls_options;
	const char *helo;
	int timeout;
	int commit_timeout;
	int64_t deadline; /* of the run, up to the commit */
	struct smtp_trace trace;
};

#define SMTP_SECRETS 8

/* A session; about 70 KiB, the caller's. It must not move while it is open. */
struct smtp {
	const struct smtp_options *options;
	struct net *net;
	struct wire wire;
	struct tls tls;
	bool encrypted;
	unsigned unanswered; /* commands in flight; the greeting counts as the answer to one */
	unsigned capabilities;
	uint64_t size_max;                 /* RFC 1870: of a message; 0: not said */
	char mechanisms[SMTP_LINE_MAX];    /* of AUTH, separated by blanks */
	char peer[400];                    /* "host[address]:port" */
	struct text secrets[SMTP_SECRETS]; /* what replies may not show: set by auth.c */
	unsigned responses;                /* that were masked so far */
	bool farewell;                     /* a 421 came */
	bool login_ahead;                  /* AUTH may go in one flight with what follows */
	char login[32];                    /* "AUTH X", if its answer is still to come */
	struct smtp_reply reply;           /* the last */
	char challenge[SMTP_LINE_MAX];     /* what a 334 said, unmasked; wiped at the end */
};

/*
 * Greets over a connection that stands: greeting, EHLO, STARTTLS, TLS, EHLO (or TLS first). Errors:
 * ERR_TEMP (4yz, cut, timeout), ERR_REFUSED (5yz), ERR_TLS (no TLS to be had, or a false one).
 */
int smtp_open(struct smtp *s, struct net *n, const struct smtp_options *options, struct err *e);

/*
 * Puts one command into the flight. No control character gets through (ERR_DATA). secret: what the
 * trace shows instead of it, or NULL.
 */
int smtp_put(
	struct smtp *s, enum smtp_phase phase, const char *line, const char *secret, struct err *e);

/* Sends the flight and reads one reply into s->reply. -1: the session is of no more use. */
int smtp_get(struct smtp *s, enum smtp_phase phase, struct err *e);

/* The same by a deadline of the caller's. */
int smtp_get_by(struct smtp *s, enum smtp_phase phase, int64_t deadline, struct err *e);

/*
 * Reads the answer to an AUTH that went ahead (s->login), if there is one. Whatever isn't a yes ends
 * the session: ERR_AUTH or ERR_TEMP.
 */
int smtp_get_login(struct smtp *s, struct err *e);

/* Shows a line to whoever follows the dialogue (options->trace). */
void smtp_show(const struct smtp *s, const char *who, const char *text);

/* The deadline of one step that begins now. */
int64_t smtp_deadline(const struct smtp *s);

/* "PEER: WHAT: 550 words" as an error; 5yz is of kind `permanent`, all else ERR_TEMP. */
int smtp_refused(struct smtp *s, const char *what, enum err_kind permanent, struct err *e);

/* The connection's fault as an error, in words that name the phase. */
int smtp_lost(struct smtp *s, enum smtp_phase phase, enum err_kind kind, struct err *e);

/* Adds what of the server's words may be shown: no control and no secret of ours. */
void smtp_mask(const struct smtp *s, struct text *out, const char *words, size_t n);

/* QUIT, without waiting for its answer, and the end of the stream. */
void smtp_close(struct smtp *s, bool say_quit);

#endif
