/* SPDX-License-Identifier: ISC */
/* sandbox.h: from here on the process can do what a message needs, and nothing else. */
#ifndef MAILCHUTE_SANDBOX_H
#define MAILCHUTE_SANDBOX_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/* What this run still has to do. Paths that aren't there are passed over. */
struct sandbox_needs {
	const char *roots;          /* a file, or a folder whose files may be links; NULL: none */
	const char *readable[4];    /* files, and folders that needn't be listed; NULL: none */
	const char *spool_folder;   /* unnamed files may be made there; NULL: none */
	int letters;                /* the folder in which files may be made; -1: none */
	const char *removes_folder; /* files may be removed there; NULL: nowhere */
};

/* The condition under which a system call is let through. */
enum sandbox_rule {
	SANDBOX_YES,
	SANDBOX_KILLS,       /* never, and the process ends */
	SANDBOX_OPEN,        /* open: for reading */
	SANDBOX_OPENAT,      /* the same, or a new file in needs.letters, or one without a name */
	SANDBOX_INTERNET,    /* socket: TCP and UDP over IPv4 and IPv6 */
	SANDBOX_MEMORY,      /* mmap, mprotect: nothing that can be executed */
	SANDBOX_WINDOW_SIZE, /* ioctl: isatty's question */
	SANDBOX_OURSELVES,   /* tkill: a signal to ourselves */
	SANDBOX_SPOOLS,      /* where unnamed files may be made */
	SANDBOX_REMOVES      /* where files may be removed */
};

/* A system call that is let through, or kills; what isn't named gets EPERM. */
struct sandbox_call {
	unsigned short number;
	unsigned char rule;
};

/* Those that only this architecture has, and its AUDIT_ARCH_*: compat/calls_ARCH.c. */
extern const struct sandbox_call sandbox_own_calls[];
extern const size_t sandbox_own_calls_n;
extern const unsigned sandbox_arch;

/*
 * No new privileges; Landlock, where the kernel has it; then the filter of system calls. There is no
 * way back. A call that isn't let through fails with EPERM and goes on: a kill could turn a message
 * that was taken into one that was not. Error: ERR_SYSTEM, where the kernel has no such filter.
 */
int sandbox_enter(const struct sandbox_needs *needs, struct err *e);

#endif
