/* SPDX-License-Identifier: ISC */
/* err.h: what went wrong, as a value. Prints nothing and ends nothing. */
#ifndef MAILCHUTE_ERR_H
#define MAILCHUTE_ERR_H

#include <stdbool.h>

/* Every way in which a run can end. The table in err.c gives each its exit status. */
enum err_kind {
	ERR_NONE,    /* nothing went wrong */
	ERR_USAGE,   /* the command line asks for what can't be done, or names nobody */
	ERR_DATA,    /* a message or an address that can't be sent */
	ERR_INPUT,   /* standard input could not be read to its end */
	ERR_RCPT,    /* recipients were refused for good, the others (if any) have the message */
	ERR_PARTIAL, /* some have the message, others don't: a caller's retry would double it */
	ERR_HOST,    /* no host has an address */
	ERR_REFUSED, /* the server refused the session, the sender or the message for good */
	ERR_TLS,     /* the server could not prove who it is, or offers no TLS */
	ERR_AUTH,    /* the server refused the log-in for good */
	ERR_CONFIG,  /* the profile is missing, unreadable or wrong */
	ERR_TEMP,    /* not sent; trying again later may help */
	ERR_UNKNOWN, /* the message went out whole and no answer came back */
	ERR_SYSTEM,  /* out of memory, or a system call failed */
	ERR_FAULT,   /* a fault of our own */
	ERR_KINDS
};

/* The longest sentence, bytes, NUL included; the stderr line is made from it. */
#define ERR_TEXT_SIZE 2048

/*
 * One failure. Start with ERR_INIT. kind == ERR_NONE: none. code: the server's three digits, 0
 * where no reply is the cause. text: one line, printable.
 */
struct err {
	enum err_kind kind;
	int code;
	bool lost_peer; /* the connection is of no more use */
	char text[ERR_TEXT_SIZE];
};

/* Sets nothing but kind and the first byte of the text: the text is large. */
void err_clear(struct err *e);

/*
 * Records a failure, unless one is recorded already: the first is the cause, later ones are
 * consequences. Controls in the text become '?'. Returns -1, so that callers can return it.
 */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with ": " and the words of errno behind it. */
int err_errno(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds "; " and words to a failure's text; what is there is cut to make room for them. */
void err_add(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes over from's failure, unless e has one. Returns -1. */
int err_copy(struct err *e, const struct err *from);

/* The exit status (sysexits.h) of a kind; tempfail_exit stands for ERR_TEMP and ERR_UNKNOWN. */
int err_status(enum err_kind kind, int tempfail_exit);

/* One word for the log: "sent", "refused", "temporary", "unknown", ... */
const char *err_word(enum err_kind kind);

/* Reply code and enhanced code that an SMTP caller gets for a failure of ours (RFC 5248). */
const char *err_reply(enum err_kind kind);

#endif
