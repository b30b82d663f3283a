/* SPDX-License-Identifier: ISC */
/* addr.h: RFC 5322 address lists taken apart. Knows no profile and changes nothing. */
#ifndef MAILCHUTE_ADDR_H
#define MAILCHUTE_ADDR_H

#include "err.h"

#include <stddef.h>

/* The longest address, bytes, NUL included: what a 512-byte SMTP command can hold. */
#define ADDR_SIZE 480

/* A piece of the text that was given: [start, end). */
struct addr_span {
	size_t start, end;
};

/* One mailbox of a list. */
struct addr_box {
	char address[ADDR_SIZE]; /* local or local@domain; no comments, blanks, brackets, route */
	struct addr_span spec;   /* where it stands in the text */
	struct addr_span name;   /* the words before an angle bracket; empty where there are none */
	const char *domain;      /* into address, behind the @; NULL for a bare name */
	bool angle;              /* it stands between angle brackets */
	bool null;               /* <> */
	bool eight_bit;
};

/* A walk over a list. */
struct addr_list {
	const char *text;
	size_t len;
	size_t at;
	bool folded; /* line ends within are folding white space: a header field's body */
};

/* argv's way: no line ends in it. folded as a field's body is. */
void addr_open(struct addr_list *l, const char *text, size_t len, bool folded);

/*
 * The next mailbox (RFC 5322 3.4 with the obsolete forms of 4.4): groups are opened, empty list
 * members and routes dropped, `;` taken for a separator. Returns 1; 0 at the end; -1 with ERR_DATA
 * where something is no address (a control, two words without a dot, an open bracket or quote...).
 */
int addr_next(struct addr_list *l, struct addr_box *box, struct err *e);

/* Exactly one mailbox or <>; -1 with ERR_DATA for anything else, naming what it was for. */
int addr_one(const char *text, const char *what, struct addr_box *box, struct err *e);

/* Bytes of the comment or quoted string that opens at s[0]; 0 where it never ends. */
size_t addr_enclosed(const char *s, size_t n);

/*
 * True for host names (labels of letters, digits, - _ and UTF-8, perhaps a dot behind the last), IPv6
 * addresses and address literals in brackets.
 */
bool addr_is_host(const char *s);

#endif
