/* SPDX-License-Identifier: ISC */
/* secret.h: passwords and tokens, from where the profile says. Sends and prints nothing. */
#ifndef MAILCHUTE_SECRET_H
#define MAILCHUTE_SECRET_H

#include "err.h"
#include "profile.h"
#include "text.h"

/*
 * Opens a file that holds a secret: a regular one that others can't read (ERR_CONFIG, with the way
 * out in its words). A bare name is one in $CREDENTIALS_DIRECTORY. key: the profile's, for the
 * words. path (size bytes) gets what was opened. Returns the descriptor, or -1.
 */
int secret_open(const struct profile *p, const struct world *w, const char *key, const char *name,
	char *path, size_t size, struct err *e);

/*
 * The password, or the token, into out, whose memory the caller wipes; nothing is added where the
 * profile has none. Errors: ERR_CONFIG, and those of command_read.
 */
int
secret_password(const struct profile *p, const struct world *w, struct text *out, struct err *e);
int secret_token(const struct profile *p, const struct world *w, struct text *out, struct err *e);

#endif
