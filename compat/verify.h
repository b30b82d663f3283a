/* SPDX-License-Identifier: ISC */
/* verify.h: sendmail -bv: the server is asked about each recipient. Sends no message. */
#ifndef MAILCHUTE_VERIFY_H
#define MAILCHUTE_VERIFY_H

#include "flags.h"
#include "world.h"

/* One line on stdout for each recipient; returns 0, or 67 where one is refused, or why not. */
int verify_run(const struct world *w, const struct request *r);

#endif
