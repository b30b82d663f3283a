/* SPDX-License-Identifier: ISC */
/* calls_aarch64.c: the system calls that only this architecture has: 64-bit ARM. */
#include "sandbox.h"

/* AUDIT_ARCH_AARCH64: EM_AARCH64, 64 bits, little-endian. */
const unsigned sandbox_arch = 0xc00000b7;

/* All are those that every architecture has. */
const struct sandbox_call sandbox_own_calls[1] = {
	{0, 0}
};

const size_t sandbox_own_calls_n = 0;
