/* SPDX-License-Identifier: ISC */
/* pem.c: a bundle read in pieces, and the roots that are looked for in it (pem.c, trust.c). */
#include "pem.h"
#include "fuzz.h"
#include "trust.h"

#include <string.h>

#define TEXT_MAX 4096
#define NAMES    4

/* What the walk saw: the subjects of the first certificates are the issuers that are asked for. */
struct seen {
	unsigned char ders[NAMES][PEM_DER_MAX];
	struct cert_bytes names[NAMES];
	size_t n, blocks;
	bool stop;
};

static bool
visit(void *ctx, const struct pem_block *block)
{
	struct seen *seen = ctx;
	struct cert c;
	long n;

	must(block->label_len < TEXT_MAX && block->body_len < TEXT_MAX);
	must(memmem(block->body, block->body_len, "-----END ", 9) == NULL);
	seen->blocks++;
	if (seen->n == NAMES || !pem_is(block, "CERTIFICATE"))
		return !seen->stop;
	n = pem_decode(block, seen->ders[seen->n], PEM_DER_MAX);
	must(n >= -1 && n <= PEM_DER_MAX && n <= (long)(block->body_len / 4 * 3 + 3));
	if (n > 0 && cert_parse(&c, seen->ders[seen->n], (size_t)n))
		seen->names[seen->n++] = c.subject;
	return !seen->stop;
}

static void
check_roots(const struct trust *t, const struct seen *seen)
{
	size_t i, k;

	must(t->n <= TRUST_ROOTS_MAX);
	for (i = 0; i < t->n; i++) {
		struct cert_bytes name = {t->roots[i].dn.data, t->roots[i].dn.len};

		for (k = 0; k < seen->n && !cert_same_bytes(name, seen->names[k]);)
			k++;
		must(k < seen->n && trust_has(t, name, false));
		must(t->roots[i].pkey.key_type == BR_KEYTYPE_EC ||
			t->roots[i].pkey.key.rsa.nlen >= 256);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen seen;
	static struct trust t;
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	struct err e;
	long blocks;

	if (in.n > TEXT_MAX)
		return 0;
	seen.n = seen.blocks = 0;
	seen.stop = option % 2 == 1;
	fuzz_file(FUZZ_FILE, in.at, in.n, option / 2);
	blocks = pem_read(fuzz_descriptor(FUZZ_FILE), visit, &seen);
	must(blocks == (long)seen.blocks && (!seen.stop || blocks <= 1));
	err_clear(&e);
	trust_init(&t);
	if (trust_find(&t, option % 4 == 2 ? "builtin" : FUZZ_PATH, seen.names, seen.n, &e) == 0) {
		must(e.kind == ERR_NONE);
		check_roots(&t, &seen);
	} else
		must(e.kind == ERR_CONFIG && t.n == 0);
	trust_free(&t);
	return 0;
}
