/* SPDX-License-Identifier: ISC */
/*
 * memory.c: malloc and its kin for a process with one thread and a short life, in a tenth of the
 * room that musl's have. Blocks come in sizes of 32 * 2^n and 48 * 2^n bytes, out of a list of freed
 * ones or from the end of what was taken so far; large ones are mapped each by itself, and go back
 * to the kernel when they are freed.
 *
 * In front of each block stands its size, with a mark that nobody can know who hasn't read it: a
 * block that was overrun, freed twice or never given out ends the process. Freed blocks are wiped,
 * so that no secret stays in them, and every block that is given out is zero.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CLASSES 19    /* 32, 48, 64, 96 .. 16384 */
#define LARGE   16384 /* bytes, with the head */
#define PAGE    4096
#define CHUNK   65536

struct head {
	size_t size; /* with the head itself */
	uintptr_t mark;
};

struct freed {
	struct head head;
	struct freed *next;
};

/* The stack protector's canary, of the kernel's random bytes. */
extern uintptr_t __stack_chk_guard;

/* The first chunk is here: many a run needs no other. */
static struct {
	struct freed *freed[CLASSES];
	size_t used, size;
	char *chunk;
	_Alignas(16) char first[CHUNK / 2];
} heap;

static uintptr_t
mark_of(const struct head *h, bool given)
{
	return (uintptr_t)h ^ h->size ^ __stack_chk_guard ^ (given ? 0 : UINTPTR_MAX);
}

static void *
give(struct head *h, size_t size)
{
	h->size = size;
	h->mark = mark_of(h, true);
	return h + 1;
}

static struct head *
head_of(void *block)
{
	struct head *h = (struct head *)block - 1;

	if (h->mark != mark_of(h, true))
		abort();
	return h;
}

/* The smallest size that holds n bytes, and its class. */
static size_t
class_of(size_t n, size_t *size)
{
	size_t k = 0;

	for (*size = 32; *size < n; k++)
		*size += k % 2 == 0 ? *size / 2 : *size / 3;
	return k;
}

static void *
map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at != MAP_FAILED ? at : NULL;
}

/* From the end of the chunk, or of a new one; what is left of the old one is lost. */
static void *
cut(size_t size)
{
	void *more;

	if (heap.chunk == NULL) {
		heap.chunk = heap.first;
		heap.size = sizeof(heap.first);
	}
	if (heap.size - heap.used < size) {
		more = map(CHUNK);
		if (more == NULL)
			return NULL;
		heap.chunk = more;
		heap.size = CHUNK;
		heap.used = 0;
	}
	heap.used += size;
	return heap.chunk + heap.used - size;
}

static void *
allocate(size_t n)
{
	size_t size = n + sizeof(struct head), k;
	struct freed *f;

	if (n > PTRDIFF_MAX - PAGE) {
		errno = ENOMEM;
		return NULL;
	}
	if (size > LARGE) {
		size = (size + PAGE - 1) & -(size_t)PAGE;
		f = map(size);
		return f != NULL ? give(&f->head, size) : NULL;
	}
	k = class_of(size, &size);
	f = heap.freed[k];
	if (f == NULL) {
		f = cut(size);
		return f != NULL ? give(&f->head, size) : NULL;
	}
	if (f->head.size != size || f->head.mark != mark_of(&f->head, false))
		abort();
	heap.freed[k] = f->next;
	f->next = NULL;
	return give(&f->head, size);
}

void *
malloc(size_t n)
{
	return allocate(n);
}

void
free(void *block)
{
	int cause = errno;
	struct head *h;
	struct freed *f;
	size_t k;

	if (block == NULL)
		return;
	h = head_of(block);
	if (h->size > LARGE) {
		(void)munmap(h, h->size);
		errno = cause;
		return;
	}
	k = class_of(h->size, &h->size);
	h->mark = mark_of(h, false);
	f = (struct freed *)h;
	memset(block, 0, h->size - sizeof(*h));
	f->next = heap.freed[k];
	heap.freed[k] = f;
}

void *
calloc(size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return allocate(n * size);
}

void *
realloc(void *block, size_t n)
{
	struct head *h, *moved;
	size_t size = (n + sizeof(*h) + PAGE - 1) & -(size_t)PAGE, room;
	void *to;

	if (block == NULL)
		return allocate(n);
	h = head_of(block);
	room = h->size - sizeof(*h);
	if (n <= room)
		return block;
	if (h->size > LARGE && n <= PTRDIFF_MAX - PAGE) {
		moved = mremap(h, h->size, size, MREMAP_MAYMOVE);
		return moved != MAP_FAILED ? give(moved, size) : NULL;
	}
	to = allocate(n);
	if (to == NULL)
		return NULL;
	memcpy(to, block, room);
	free(block);
	return to;
}
