/* SPDX-License-Identifier: ISC */
/* admin.h: the mailchute command: what an administrator asks. Sends no message. */
#ifndef MAILCHUTE_ADMIN_H
#define MAILCHUTE_ADMIN_H

#include "world.h"

/* Does what argv[1..] says; returns the exit status. */
int admin_run(int argc, char *const argv[], const struct world *w);

#endif
