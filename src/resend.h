/* SPDX-License-Identifier: ISC */
/* resend.h: mailchute resend. */
#ifndef MAILCHUTE_RESEND_H
#define MAILCHUTE_RESEND_H

#include "world.h"

/*
 * resend [--even-if-doubled] FILE: a dead letter once more, to those who haven't got it, and the file
 * removed where everybody has. Returns the exit status.
 */
int resend_run(int argc, char *const argv[], const struct world *w);

#endif
