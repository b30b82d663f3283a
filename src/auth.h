/* SPDX-License-Identifier: ISC */
/* auth.h: SASL mechanisms, by table. Knows no profile; never decides whether to log in at all. */
#ifndef MAILCHUTE_AUTH_H
#define MAILCHUTE_AUTH_H

#include "err.h"
#include "smtp.h"

/* Who logs in. */
struct auth_secret {
	const char *user;
	const char *password;
};

/*
 * Logs in over an encrypted session. wanted: "auto" (the table's order), or mechanisms in order,
 * separated by blanks; the first that the server offers is used, and 504 or 534 lead to the next.
 * Errors: ERR_AUTH (refused by 5yz, or nothing in common), ERR_TEMP (4yz, or the line was lost).
 */
int auth_login(struct smtp *s, const char *wanted, const struct auth_secret *secret, struct err *e);

#endif
