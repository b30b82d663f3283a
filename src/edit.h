/* SPDX-License-Identifier: ISC */
/* edit.h: the header that leaves, made from the one that came. Reads no body. */
#ifndef MAILCHUTE_EDIT_H
#define MAILCHUTE_EDIT_H

#include "addr.h"
#include "envelope.h"
#include "err.h"
#include "message.h"
#include "text.h"

#include <time.h>

/* What is put where something is missing, and what is changed. The rest is zero. */
struct edit_rules {
	const char *domain;    /* behind bare addresses, and in the Message-ID */
	const char *from;      /* the address of a From that is missing */
	const char *full_name; /* the name in it; "" or NULL: none */
	time_t now;
	unsigned char random[8]; /* for the Message-ID */
	bool relay;              /* nothing is added or edited; Bcc goes even so */
	bool no_to;              /* no To is added */
	const char *forced_from; /* in place of From's address; NULL: it stays */
	bool force_foreign;      /* only where its domain isn't ours */
	const char *sender;      /* a Sender where From says another; NULL: none */
	const char *reply_to;    /* where there is none; NULL: none */
	char *const *added;      /* "Name: value", where the message has no such field */
	size_t added_n;
	const struct envelope_rules
		*rewrite; /* aliases in To and Cc are followed; NULL: they stay */
};

/* What was seen on the way. */
struct edit_notes {
	char id[256];             /* the Message-ID, printable, with its angle brackets */
	char replaced[ADDR_SIZE]; /* the first address that from_header took out of From */
	char from[ADDR_SIZE];     /* From's first address as it came; "" where there is none */
	char eight_bit_address[ADDR_SIZE]; /* the first that isn't ASCII; "" where all are */
	bool odd_addresses;                /* a field's addresses can't be read: it stays */
	unsigned received;                 /* Received fields: hops so far */
};

/*
 * Fills m->ready: Bcc, Resent-Bcc, Return-Path and Content-Length are left out, and so are empty
 * address fields; bare addresses get @domain; raw UTF-8 becomes encoded words (RFC 2047); lines
 * over 998 bytes are folded; Date, Message-ID, From and, without To and Cc,
 * "To: undisclosed-recipients:;" are added where they are missing; then what the rules say.
 * Error: ERR_SYSTEM (no memory).
 */
int edit_message(
	struct message *m, const struct edit_rules *rules, struct edit_notes *notes, struct err *e);

#endif
