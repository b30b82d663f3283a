/* SPDX-License-Identifier: ISC */
/*
 * attach.c: lets a program that was compiled to count (clang's -fprofile-instr-generate) count into
 * memory that it shares with all others of its kind: a segment of System V, which knows neither
 * root folders nor users nor names, and which a process may leave by a signal, by exec or behind a
 * filter of system calls and still has counted. Who runs it while there is no segment (count.py
 * makes it) counts for nobody.
 *
 * Linked last: what is here brings the counters to whole pages.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#define PAGE   4096
#define HIDDEN __attribute__((visibility("hidden")))

extern uint64_t __start___llvm_prf_cnts[] HIDDEN, __stop___llvm_prf_cnts[] HIDDEN;
extern char __start___llvm_prf_data[] HIDDEN, __start___llvm_prf_names[] HIDDEN;

/* The linker keeps them since they are named. */
const void *const coverage_kept[] = {__start___llvm_prf_data, __start___llvm_prf_names};

/* A whole page, since the last counter may stand before its end. */
static uint64_t last_page[PAGE / sizeof(uint64_t)]
	__attribute__((used, aligned(PAGE), section("__llvm_prf_cnts")));

/* Before main, and after compat/start.c: what that has counted is carried over. */
__attribute__((constructor)) static void
attach(void)
{
	uint64_t *own = __start___llvm_prf_cnts, *shared;
	size_t n = (size_t)(__stop___llvm_prf_cnts - own), i;
	int id = shmget(COVERAGE_KEY, 0, 0);

	if (id == -1)
		return;
	shared = shmat(id, NULL, 0);
	if (shared == (void *)-1)
		return;
	for (i = 0; i < n; i++) {
		if (own[i] != 0)
			(void)__atomic_fetch_add(&shared[i], own[i], __ATOMIC_RELAXED);
	}
	(void)shmdt(shared);
	(void)shmat(id, own, SHM_REMAP);
}
