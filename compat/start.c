/* SPDX-License-Identifier: ISC */
/*
 * start.c: what musl's start of a static-PIE program leaves out. Packed relocations (DT_RELR, a
 * twentieth of the room of plain ones) are applied before anything else runs, and what only
 * relocation had to write is closed before main (-z relro is but a wish without somebody to
 * fulfil it). Knows nothing of what follows.
 *
 * The linker hands musl's call of __libc_start_main over to us (--wrap). Until it has run there is
 * no thread pointer: no stack protector, no errno, and no address out of a table that is itself
 * still to be relocated.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* elf.h of musl before 1.2.4 has no names for them. */
#define TAG_RELR_SIZE 35
#define TAG_RELR      36

typedef int main_function(int argc, char *argv[], char *env[]);
typedef int
start_function(main_function *, int, char *[], void (*)(void), void (*)(void), void (*)(void));

start_function __wrap___libc_start_main, __real___libc_start_main;
main_function main;

#define HIDDEN __attribute__((visibility("hidden")))

extern char __ehdr_start[] HIDDEN;
extern ElfW(Dyn) _DYNAMIC[] HIDDEN;

/* Addresses in the file are counted from its first byte. */
static void *
at(size_t offset)
{
	return __ehdr_start + offset;
}

/*
 * An even entry is the address of a word; an odd one's bits say which of the next 63 follow it. musl
 * 1.2.4 and later has done it all before we come: then the first word isn't an offset any more.
 */
static void
relocate(const uintptr_t *list, size_t n)
{
	uintptr_t *word = at(0), bits;
	size_t i, k;

	if (n > 0 && *(const uintptr_t *)at(list[0]) >= (uintptr_t)at(0))
		return;
	for (i = 0; i < n; i++) {
		if ((list[i] & 1) == 0) {
			word = at(list[i]);
			*word++ += (uintptr_t)at(0);
			continue;
		}
		bits = list[i];
		for (k = 0; (bits >>= 1) != 0; k++) {
			if ((bits & 1) != 0)
				word[k] += (uintptr_t)at(0);
		}
		word += 8 * sizeof(uintptr_t) - 1;
	}
}

static int
sealed_main(int argc, char *argv[], char *env[])
{
	const ElfW(Ehdr) *head = at(0);
	const ElfW(Phdr) *part = at(head->e_phoff);
	size_t n, page = getauxval(AT_PAGESZ), before;
	char *from;

	for (n = head->e_phnum; n > 0 && part->p_type != PT_GNU_RELRO; n--)
		part++;
	if (n > 0) {
		from = at(part->p_vaddr);
		before = (uintptr_t)from & (page - 1);
		/* Where the kernel refuses, we are where we were. */
		(void)mprotect(from - before, (before + part->p_memsz) & -page, PROT_READ);
	}
	return main(argc, argv, env);
}

int
__wrap___libc_start_main(main_function *entry, int argc, char *argv[], void (*init)(void),
	void (*fini)(void), void (*unload)(void))
{
	const uintptr_t *list = at(0);
	const ElfW(Dyn) * row;
	size_t size = 0;

	(void)entry;
	for (row = _DYNAMIC; row->d_tag != DT_NULL; row++) {
		if (row->d_tag == TAG_RELR)
			list = at(row->d_un.d_ptr);
		else if (row->d_tag == TAG_RELR_SIZE)
			size = row->d_un.d_val;
	}
	relocate(list, size / sizeof(uintptr_t));
	return __real___libc_start_main(sealed_main, argc, argv, init, fini, unload);
}
