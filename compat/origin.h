/* SPDX-License-Identifier: ISC */
/* origin.h: whom a message comes from, and the domain behind bare names. Sends nothing. */
#ifndef MAILCHUTE_ORIGIN_H
#define MAILCHUTE_ORIGIN_H

#include "addr.h"
#include "err.h"
#include "profile.h"
#include "world.h"

/* A sender as the message needs it. */
struct origin {
	char domain[256];
	char sender[ADDR_SIZE];      /* reverse-path; "" is null */
	char header_from[ADDR_SIZE]; /* of a From that is missing; never empty */
	char own[ADDR_SIZE]; /* the profile's from, else login@domain: what From is forced to */
};

/*
 * domain: the profile's, else that of its from, else /etc/mailname's, else that of a host name with
 * a dot, else that of a user with an @. sender: wanted (-f; NULL: none given), where the profile allows it, else the profile's
 * from, else login@domain. Errors: ERR_DATA (wanted is no address), ERR_CONFIG (no domain).
 */
int origin_find(struct origin *o, const struct profile *p, const struct world *w,
	const char *wanted, struct err *e);

#endif
