/* SPDX-License-Identifier: ISC */
/* auth.h: the log-in of a session. Knows no profile; never decides whether to log in at all. */
#ifndef MAILCHUTE_AUTH_H
#define MAILCHUTE_AUTH_H

#include "err.h"
#include "sasl.h"
#include "smtp.h"

/*
 * Logs in. wanted: "auto" (sasl.c's order; server_is_known: the chain or a pin proved who the server
 * is, else what hides the password goes first), or mechanisms in order, separated by blanks. The
 * first that the server offers is used, and 504 or 534 lead to the next. Where `auto` finds nothing
 * but a certificate to log in with, and no EXTERNAL on offer, none is needed. who->end_point is
 * filled in. Errors: ERR_AUTH (refused by 5yz, or nothing in common), ERR_TEMP (4yz, or the line was
 * lost), ERR_CONFIG.
 */
int auth_login(struct smtp *s, const char *wanted, bool server_is_known, struct sasl_identity *who,
	struct err *e);

#endif
