/* SPDX-License-Identifier: ISC */
/* sendmail.h: the sendmail face: a message from standard input, or what else a flag asks. */
#ifndef MAILCHUTE_SENDMAIL_H
#define MAILCHUTE_SENDMAIL_H

#include "world.h"

/* Does what the command line says, as the personality that name is; returns the exit status. */
int sendmail_run(const char *name, int argc, char *const argv[], const struct world *w);

#endif
