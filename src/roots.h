/* SPDX-License-Identifier: ISC */
/* roots.h: the form in which roots are compiled in. etc/roots.c writes it, trust.c reads it. */
#ifndef MAILCHUTE_ROOTS_H
#define MAILCHUTE_ROOTS_H

#include "cert.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A record for each root, one behind the other, numbers with their low byte first:
 *
 *     bytes  what
 *     4      roots_mark of the subject: it finds the root, it proves nothing (the key does)
 *     2      the last whole day of validity, counted from 1970-01-01
 *     1      enum roots_key
 *     2      n, the length of what follows
 *     n      ROOTS_RSA_F4: the modulus; ROOTS_RSA: the exponent's length (1 byte), the exponent
 *            and the modulus; the others: the point, uncompressed
 */
enum roots_key { ROOTS_RSA_F4, ROOTS_RSA, ROOTS_P256, ROOTS_P384, ROOTS_P521 };

#define ROOTS_HEAD 9

/* Made at build time out of the build machine's CA bundle. */
extern const unsigned char roots_list[];
extern const size_t roots_size;

/* FNV-1a over a DER Name. */
static inline uint32_t
roots_mark(struct cert_bytes name)
{
	uint32_t mark = 2166136261U;
	size_t i;

	for (i = 0; i < name.n; i++)
		mark = (mark ^ name.at[i]) * 16777619U;
	return mark;
}

#endif
