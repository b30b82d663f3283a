/* SPDX-License-Identifier: ISC */
/* identity.h: who is asking, and the little of the environment that counts. */
#ifndef MAILCHUTE_IDENTITY_H
#define MAILCHUTE_IDENTITY_H

#include "world.h"

#include <stdbool.h>

struct identity {
	bool looked_up;
	char host_name[256];
	char login[64];
	char full_name[256];
	char home[512];
};

/* Fills the world that the engine is told; id is its memory and outlives it. */
void identity_take(struct identity *id, struct world *w);

#endif
