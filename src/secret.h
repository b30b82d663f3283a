/* SPDX-License-Identifier: ISC */
/* secret.h: the password, from where the profile says. Sends and prints nothing. */
#ifndef MAILCHUTE_SECRET_H
#define MAILCHUTE_SECRET_H

#include "err.h"
#include "profile.h"
#include "text.h"

/*
 * The password (or the first line of password_file) into out, whose memory the caller wipes.
 * Nothing is added where the profile has none. Error: ERR_CONFIG, with the way out in its words.
 */
int
secret_password(const struct profile *p, const struct world *w, struct text *out, struct err *e);

#endif
