/* SPDX-License-Identifier: ISC */
/* bs.h: sendmail -bs: SMTP on standard input and output, the server's live answers behind it. */
#ifndef MAILCHUTE_BS_H
#define MAILCHUTE_BS_H

#include "flags.h"
#include "world.h"

/* Talks until QUIT or the end of input: 0, for the replies carry the outcome; 74 where the caller
 * can't be answered. */
int bs_run(const struct world *w, const struct request *r);

#endif
