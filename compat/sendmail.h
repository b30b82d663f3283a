/* SPDX-License-Identifier: ISC */
/* sendmail.h: one message from standard input, as sendmail(8) takes it. */
#ifndef MAILCHUTE_SENDMAIL_H
#define MAILCHUTE_SENDMAIL_H

#include "world.h"

/* Does what the command line says; returns the exit status. */
int sendmail_run(int argc, char *const argv[], const struct world *w);

#endif
