/* SPDX-License-Identifier: ISC */
/* world.h: what the engine is told of the process it runs in. The engine never asks itself. */
#ifndef MAILCHUTE_WORLD_H
#define MAILCHUTE_WORLD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Taken once by compat/identity and handed down. The functions look up on the first call and may
 * answer NULL: a container has no password database, a set-id process no environment.
 */
struct world {
	uid_t uid, euid;
	bool set_id;             /* AT_SECURE: only the system's profile counts */
	const char *system_path; /* of the system's profile */
	const char *spool_folder;
	const char *host_name; /* of this machine, as the kernel has it; "" where it has none */
	const char *(*variable)(const struct world *w, const char *name);
	const char *(*login)(const struct world *w); /* never NULL: "uid-1234" at worst */
	const char *(*full_name)(const struct world *w);
	const char *(*home)(const struct world *w); /* from the password database */
	void *cache;
};

#endif
