/* SPDX-License-Identifier: ISC */
/* chain.c: the certificates of a server, believed only where a way leads to a root (chain.c, path.c). */
#include "chain.h"
#include "fuzz.h"
#include "names.h"

#include <stdio.h>
#include <string.h>

#define DER_MAX 8192

static struct chain chain;
static char words[1 << 15];

/* The trusted root stands in front of the corpus's inputs, as FUZZ_PATH's PEM. */
static const char *
root_pem(struct fuzz_input root)
{
	static char pem[2 * DER_MAX];
	struct text out;

	text_fixed(&out, pem, sizeof(pem));
	text_puts(&out, "-----BEGIN CERTIFICATE-----\n");
	text_base64(&out, root.at, root.n);
	text_puts(&out, "\n-----END CERTIFICATE-----\n");
	fuzz_file(FUZZ_FILE, out.at, out.len, 0);
	return FUZZ_PATH;
}

/* Takes what two bytes of length lead, or what is left. */
static struct fuzz_input
take(struct fuzz_input *in)
{
	size_t n =
		in->n >= 2 ? (size_t)(unsigned char)in->at[0] << 8 | (unsigned char)in->at[1] : 0;
	struct fuzz_input part = {in->at + (in->n >= 2 ? 2 : 0), n};

	if (in->n < 2 || n > in->n - 2)
		part.n = in->n >= 2 ? in->n - 2 : 0;
	in->at = part.at + part.n;
	in->n = in->n >= 2 ? in->n - 2 - part.n : 0;
	return part;
}

static void
show(const br_x509_class **engine, struct fuzz_input der)
{
	size_t half = der.n / 2;

	(*engine)->start_cert(engine, (uint32_t)der.n);
	(*engine)->append(engine, (const unsigned char *)der.at, half);
	(*engine)->append(engine, (const unsigned char *)der.at + half, der.n - half);
	(*engine)->end_cert(engine);
}

static void
check(unsigned code, const struct err *e, const struct chain_policy *policy)
{
	unsigned char hash[64];
	char pin[CHAIN_PIN_SIZE];
	struct text out;
	struct cert leaf;
	size_t i;

	must((code == 0) == (e->kind == ERR_NONE));
	must((code == 0) == (chain.vtable->get_pkey(&chain.vtable, NULL) != NULL));
	chain_pin(&chain, pin);
	must(pin[0] == '\0' || strncmp(pin, "sha256:", 7) == 0);
	must(chain_end_point(&chain, hash) <= sizeof(hash));
	text_fixed(&out, words, sizeof(words));
	for (i = 0; chain_describe(&chain, i, &out);)
		i++;
	must(i <= chain.n && !fuzz_has_control(out.at, out.len));
	/* Nobody is believed for another one's name, nor with another key than the pinned one. */
	if (code == 0 && policy->pin_count > 0)
		must(strcmp(pin, policy->pins[0]) == 0);
	if (code == 0 && policy->verify && strcmp(policy->trust, "pin") != 0)
		must(chain.trust.n > 0 &&
			cert_parse(&leaf, (const unsigned char *)chain.bytes.at, chain.ends[0]) &&
			names_have(&leaf, policy->name) && leaf.not_after >= fuzz_now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const pins[] = {"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	struct chain_policy policy = {
		.name = option % 8 == 7 ? "192.0.2.1" : "localhost", .verify = option % 4 != 1};
	const br_x509_class **engine = &chain.vtable;
	struct err e;

	if (in.n > DER_MAX)
		return 0;
	policy.trust = option % 4 == 2 ? "pin" : root_pem(take(&in));
	if (option % 4 == 2) {
		policy.pins = pins;
		policy.pin_count = 1;
	}
	err_clear(&e);
	chain_init(&chain, &policy, &e);
	must((*engine)->get_pkey(engine, NULL) == NULL);
	(*engine)->start_chain(engine, "localhost");
	while (in.n > 0)
		show(engine, take(&in));
	check((*engine)->end_chain(engine), &e, &policy);
	chain_free(&chain);
	return 0;
}
