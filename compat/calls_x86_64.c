/* SPDX-License-Identifier: ISC */
/* calls_x86_64.c: the system calls that only this architecture has: x86-64. */
#include "sandbox.h"

#include <sys/syscall.h>

/* AUDIT_ARCH_X86_64: EM_X86_64, 64 bits, little-endian. */
const unsigned sandbox_arch = 0xc000003e;

const struct sandbox_call sandbox_own_calls[] = {
	{SYS_poll,   SANDBOX_YES    },
	{SYS_open,   SANDBOX_OPEN   },
	{SYS_stat,   SANDBOX_YES    },
	{SYS_lstat,  SANDBOX_YES    },
	{SYS_unlink, SANDBOX_REMOVES},
	{SYS_fork,   SANDBOX_KILLS  },
	{SYS_vfork,  SANDBOX_KILLS  },
};

const size_t sandbox_own_calls_n = sizeof(sandbox_own_calls) / sizeof(sandbox_own_calls[0]);
