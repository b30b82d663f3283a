/* SPDX-License-Identifier: ISC */
/*
 * start.c: compat/start.c's packed relocations, applied to words of our own: once, and not again
 * where the C library has applied them before us. Built and run by 01-small.bats.
 */
#define main sealed
#include "../compat/start.c"
#undef main

#include <stdio.h>

#define WORDS 200

static uintptr_t words[WORDS];

int
main(int argc, char *argv[])
{
	/* The first; of the next 63 each third; of those behind them the last. */
	const uintptr_t list[] = {
		(uintptr_t)words - (uintptr_t)at(0), 0x2492492492492493u, (uintptr_t)1 << 63 | 1};
	size_t turn, i;

	(void)argc;
	(void)argv;
	for (i = 0; i < WORDS; i++)
		words[i] = i;
	for (turn = 0; turn < 2; turn++) {
		relocate(list, 3);
		for (i = 0; i < WORDS; i++) {
			size_t bit = (i - 1) % 63 + 1;
			uintptr_t moved = i == 0 || (i <= 126 && (list[1 + (i > 63)] >> bit & 1) != 0)
						  ? (uintptr_t)at(0)
						  : 0;

			if (words[i] != i + moved) {
				printf("word %zu is wrong at turn %zu\n", i, turn);
				return 1;
			}
		}
	}
	return 0;
}

int
sealed(int argc, char *argv[], char *env[])
{
	(void)argc;
	(void)argv;
	(void)env;
	return 0;
}

int
__real___libc_start_main(main_function *entry, int argc, char *argv[], void (*init)(void),
	void (*fini)(void), void (*unload)(void))
{
	(void)init;
	(void)fini;
	(void)unload;
	return entry(argc, argv, NULL);
}
