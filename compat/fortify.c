/* SPDX-License-Identifier: ISC */
/* fortify.c: what Debian's glibc-built archives call and musl lacks, or has larger. No more. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef fopen64 /* musl's header has it as another name of fopen */

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memmove_chk(void *to, const void *from, size_t n, size_t room);
void *__memset_chk(void *to, int byte, size_t n, size_t room);
const unsigned short **__ctype_b_loc(void);
FILE *fopen64(const char *path, const char *mode);

void *
__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memcpy(to, from, n);
}

void *
__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memmove(to, from, n);
}

void *
__memset_chk(void *to, int byte, size_t n, size_t room)
{
	if (n > room)
		abort();
	return memset(to, byte, n);
}

/*
 * inih's isspace looks into glibc's table of bits; musl has one, for all classes. Nothing else from
 * an archive asks for a class, so this one is filled for space alone, whatever the order of bytes.
 * Nothing outlives a function elsewhere; here the contract asks for it.
 */
const unsigned short **
__ctype_b_loc(void)
{
	static unsigned short ctype_table[384];
	static const unsigned short *const at = ctype_table + 128;
	static const char space[] = " \t\n\v\f\r";
	size_t i;

	for (i = 0; i < sizeof(space) - 1; i++)
		ctype_table[128 + space[i]] = 0x2020;
	return (const unsigned short **)&at;
}

/* inih's reading of files, which nobody calls: profiles come to it as text. */
FILE *
fopen64(const char *path, const char *mode)
{
	(void)path;
	(void)mode;
	abort();
}

char *
fgets(char *to, int size, FILE *from)
{
	(void)to;
	(void)size;
	(void)from;
	abort();
}

int
fclose(FILE *file)
{
	(void)file;
	abort();
}
