/* SPDX-License-Identifier: ISC */
/*
 * heap.c: compat/memory.c at work, beside this machine's own. Built and run by 01-small.bats:
 *
 *     heap            blocks of all sizes come, grow and go: none overlaps, each is zero at first
 *     heap FAULT      twice, overrun, stranger, stale: ends by SIGABRT
 */
#define malloc  small_malloc
#define calloc  small_calloc
#define realloc small_realloc
#define free    small_free
#include "../compat/memory.c"
#undef malloc
#undef calloc
#undef realloc
#undef free

#include <stdio.h>

#define BLOCKS 500

uintptr_t __stack_chk_guard = 0x5bd1e995cafe4711;

static struct {
	unsigned char *at;
	size_t n;
	unsigned char fill;
} blocks[BLOCKS];

static size_t
some_size(void)
{
	size_t top = (size_t)1 << (rand() % 19);

	return (size_t)rand() % (top + 1);
}

static int
is_filled(const unsigned char *at, size_t n, unsigned char with)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (at[i] != with)
			return 0;
	}
	return 1;
}

/* One block grows, goes or comes; returns whether all was as it should be. */
static int
step(size_t i)
{
	size_t n = some_size(), kept;
	unsigned char *at;

	if (blocks[i].at != NULL && rand() % 3 == 0) {
		kept = n < blocks[i].n ? n : blocks[i].n;
		at = small_realloc(blocks[i].at, n);
		if (at == NULL || !is_filled(at, kept, blocks[i].fill))
			return 0;
	} else {
		if (!is_filled(blocks[i].at, blocks[i].n, blocks[i].fill))
			return 0;
		small_free(blocks[i].at);
		at = rand() % 2 == 0 ? small_malloc(n) : small_calloc(n, 1);
		if (at == NULL || !is_filled(at, n, 0))
			return 0;
	}
	blocks[i].at = at;
	blocks[i].n = n;
	blocks[i].fill = (unsigned char)(rand() % 255 + 1);
	memset(at, blocks[i].fill, n);
	return (uintptr_t)at % 16 == 0;
}

static void
do_wrong(const char *fault)
{
	static uintptr_t stranger[8];
	char *a = small_malloc(100), *b = small_malloc(100);

	if (fault[0] == 't') {
		small_free(a);
		small_free(a);
	} else if (fault[0] == 'o') {
		memset(a, 'x', 200);
		small_free(b);
	} else if (fault[1] == 't' && fault[2] == 'r') {
		small_free(stranger + 4);
	} else {
		small_free(a);
		memset(a - 16, 'x', 16);
		(void)small_malloc(100);
	}
}

int
main(int argc, char *argv[])
{
	volatile size_t too_much = SIZE_MAX;
	long turn;

	if (argc > 1) {
		do_wrong(argv[1]);
		return 0;
	}
	for (turn = 0; turn < 100000; turn++) {
		if (!step((size_t)rand() % BLOCKS)) {
			printf("wrong at turn %ld\n", turn);
			return 1;
		}
	}
	return small_malloc(too_much) == NULL && small_malloc(too_much / 2) == NULL &&
			       small_calloc(too_much / 2, 3) == NULL
		       ? 0
		       : 1;
}
