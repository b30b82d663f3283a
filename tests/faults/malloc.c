/* SPDX-License-Identifier: ISC */
/*
 * malloc.c: the allocations of a program linked with --wrap=malloc,calloc,realloc. Of those the one
 * that FAULT_MALLOC names (7), or it and all that follow (7+), fails. FAULT_MALLOC_FILE, if it is
 * named, gets their number at the end; it is opened at the first, before the sandbox.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long due = -1, count;
static int list = -1;
static bool on;

static void
at_end(void)
{
	(void)dprintf(list, "%ld\n", count);
}

static bool
fails(void)
{
	const char *wanted, *path;
	char *end;

	if (due == -1) {
		wanted = getenv("FAULT_MALLOC");
		due = wanted != NULL ? strtol(wanted, &end, 10) : 0;
		on = wanted != NULL && *end == '+';
		path = getenv("FAULT_MALLOC_FILE");
		if (path != NULL)
			list = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
		if (list != -1)
			(void)atexit(at_end);
	}
	count++;
	return due > 0 && (on ? count >= due : count == due);
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}
