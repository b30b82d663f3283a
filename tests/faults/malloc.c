/* SPDX-License-Identifier: ISC */
/*
 * malloc.c: the allocations of a program linked with --wrap=malloc,calloc,realloc. Of those the one
 * that FAULT_MALLOC names (7), or it and all that follow (7+), fails. FAULT_MALLOC_FILE, if it is
 * named, gets their number at the end.
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
static bool on;

static void
at_end(void)
{
	const char *path = getenv("FAULT_MALLOC_FILE");
	int fd = path != NULL ? open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd != -1)
		(void)dprintf(fd, "%ld\n", count);
}

static bool
fails(void)
{
	const char *wanted;
	char *end;

	if (due == -1) {
		wanted = getenv("FAULT_MALLOC");
		due = wanted != NULL ? strtol(wanted, &end, 10) : 0;
		on = wanted != NULL && *end == '+';
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
