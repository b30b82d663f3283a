/* SPDX-License-Identifier: ISC */
/* pem.h: the blocks of a PEM file (RFC 7468), one after the other. Knows no certificate. */
#ifndef MAILCHUTE_PEM_H
#define MAILCHUTE_PEM_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* The longest block, decoded, bytes; a longer one is none that we could use and is passed over. */
#define PEM_DER_MAX 8192

/* One block: the label behind BEGIN, and the base64 between its lines, not decoded yet. */
struct pem_block {
	const char *label, *body;
	size_t label_len, body_len;
};

/* False ends the walk. */
typedef bool pem_visit(void *ctx, const struct pem_block *block);

/*
 * Shows each whole block of the file to visit, in the file's order. The file is read piece by
 * piece, whatever its size, and the pieces are wiped. Returns how many blocks there were, -1 with
 * errno where reading failed.
 */
long pem_read(int fd, pem_visit *visit, void *ctx);

bool pem_is(const struct pem_block *block, const char *label);

/* Decodes the block into out (size bytes); its length, or -1 where it is no base64 or too long. */
long pem_decode(const struct pem_block *block, unsigned char *out, size_t size);

#endif
