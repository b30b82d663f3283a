/* SPDX-License-Identifier: ISC */
/* addr.c: address lists; nobody in them is lost, nothing else gets into a command (addr.c). */
#include "addr.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 1024

/* How often each byte of the text was part of a mailbox. */
static unsigned char seen[TEXT_MAX];

/* What may stand in RCPT TO:<...>: outside of quotes nothing that ends the path. */
static void
check_path(const char *s)
{
	size_t n = strlen(s), i, u;
	bool quoted = false, escaped = false;

	must(n > 0 && n < ADDR_SIZE);
	for (i = 0; i < n; i += u) {
		u = text_utf8(s + i, n - i);
		must(u > 0 && !fuzz_has_control(s + i, u));
		must(u != 2 || (unsigned char)s[i] != 0xc2 || (unsigned char)s[i + 1] >= 0xa0);
		must(u != 3 || memcmp(s + i, "\xe2\x80\xa8", 3) != 0);
		if (escaped)
			escaped = false;
		else if (quoted && s[i] == '\\')
			escaped = true;
		else if (s[i] == '"')
			quoted = !quoted;
		else
			must(quoted || strchr("<>(), ;\\", s[i]) == NULL);
	}
	must(!quoted && !escaped && i == n);
}

static void
check_box(const struct addr_list *l, const struct addr_box *box, struct err *e)
{
	struct addr_box again;

	must(box->spec.start <= box->spec.end && box->spec.end <= l->len);
	must(box->name.start <= box->name.end && box->name.end <= l->len);
	if (box->null) {
		must(box->angle && box->address[0] == '\0' && box->domain == NULL);
		return;
	}
	check_path(box->address);
	if (box->domain != NULL)
		must(box->domain > box->address + 1 && box->domain[-1] == '@' &&
			box->domain[0] != '\0');
	must(addr_one(box->address, "x", &again, e) == 0);
	must(strcmp(again.address, box->address) == 0 && again.eight_bit == box->eight_bit);
	must((again.domain == NULL) == (box->domain == NULL));
	must(again.domain == NULL || again.domain - again.address == box->domain - box->address);
}

/* Every @ outside of quotes, comments and literals belongs to a mailbox, its name or its route. */
static void
check_nobody_lost(const struct addr_list *l)
{
	size_t i, k;

	for (i = 0; i < l->len; i++) {
		if (l->text[i] == '"' || l->text[i] == '(') {
			k = addr_enclosed(l->text + i, l->len - i);
			must(k > 0);
			i += k - 1;
		} else if (l->text[i] == '[') {
			while (l->text[i] != ']')
				must(++i < l->len);
		} else
			must(l->text[i] != '@' || seen[i]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct err e;
	static struct addr_box box;
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	char text[TEXT_MAX];
	struct addr_list l;
	size_t before = 0, i;
	int got;

	if (in.n >= TEXT_MAX)
		return 0;
	memset(seen, 0, in.n);
	addr_open(&l, in.at, in.n, option % 2 == 1);
	err_clear(&e);
	while ((got = addr_next(&l, &box, &e)) == 1) {
		check_box(&l, &box, &e);
		must(l.at > before);
		for (i = box.angle ? box.name.start : box.spec.start; i < l.at; i++)
			seen[i] = 1;
		before = l.at;
	}
	must((got == -1) == (e.kind == ERR_DATA) && (got == 0) == (e.kind == ERR_NONE));
	if (got == 0)
		check_nobody_lost(&l);
	memcpy(text, in.at, in.n);
	text[in.n] = '\0';
	err_clear(&e);
	must(addr_one(text, "x", &box, &e) == (e.kind == ERR_NONE ? 0 : -1));
	if (addr_is_host(text))
		must(!fuzz_has_control(text, strlen(text)) && strpbrk(text, " <>@,\"\\()") == NULL);
	return 0;
}
