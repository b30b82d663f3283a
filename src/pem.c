/* SPDX-License-Identifier: ISC */
/* pem.c: the blocks of a PEM file (RFC 7468), one after the other. Knows no certificate. */
#include "pem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A distribution's bundle in seven reads. At least two blocks of the longest. */
#define PEM_PIECE 32768
/* The longest beginning of a line that may be cut in two between two pieces. */
#define LINE_KEPT 64

/* The place of a line's text, or NULL; lines begin with '-' nowhere else in a PEM file. */
static const char *
find_line(const char *at, const char *end, const char *line, size_t n)
{
	while (at < end && (at = memchr(at, '-', (size_t)(end - at))) != NULL) {
		if ((size_t)(end - at) >= n && memcmp(at, line, n) == 0)
			return at;
		at++;
	}
	return NULL;
}

/* What stands between BEGIN's line and END's; false where no whole block is left. */
static bool
next_block(const char **at, const char *end, struct pem_block *block)
{
	static const char begin[] = "-----BEGIN ", finish[] = "-----END ", dashes[] = "-----";
	const char *start = find_line(*at, end, begin, sizeof(begin) - 1), *stop;

	if (start == NULL)
		return false;
	block->label = start + sizeof(begin) - 1;
	start = find_line(block->label, end, dashes, sizeof(dashes) - 1);
	if (start == NULL)
		return false;
	block->label_len = (size_t)(start - block->label);
	block->body = start + sizeof(dashes) - 1;
	stop = find_line(block->body, end, finish, sizeof(finish) - 1);
	if (stop == NULL)
		return false;
	block->body_len = (size_t)(stop - block->body);
	*at = stop + sizeof(finish) - 1;
	return true;
}

long
pem_read(int fd, pem_visit *visit, void *ctx)
{
	char pem[PEM_PIECE];
	struct pem_block block;
	bool more = true;
	size_t have = 0;
	const char *at;
	ssize_t got = 0;
	long count = 0;

	while (more && (got = read(fd, pem + have, sizeof(pem) - have)) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			break;
		have += (size_t)got;
		for (at = pem; more && next_block(&at, pem + have, &block); count++)
			more = visit(ctx, &block);
		have -= (size_t)(at - pem);
		if (have == sizeof(pem)) {
			at += have - LINE_KEPT;
			have = LINE_KEPT;
		}
		memmove(pem, at, have);
	}
	text_wipe(pem, sizeof(pem)); /* it may have held a key */
	return got == -1 ? -1 : count;
}

bool
pem_is(const struct pem_block *block, const char *label)
{
	return block->label_len == strlen(label) &&
	       memcmp(block->label, label, block->label_len) == 0;
}

long
pem_decode(const struct pem_block *block, unsigned char *out, size_t size)
{
	return text_unbase64(block->body, block->body_len, out, size);
}
