/* SPDX-License-Identifier: ISC */
/* flags.c: a command line; who is an operand is decided twice (flags.c, flags_table.c). */
#include "flags.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 1024
#define ARGS_MAX 64

/* Flags by how they come by an argument: this list is the test's own. */
static const char without[] = "46GISUcimnstvx", with[] = "ABCDFLMNORVXabfhprz",
		  attached[] = "EJQTdq", rest[] = "eo";
static const char *const long_with[] = {"profile", "account", "from", "dsn-notify", "dsn-return",
	"host", "port", "timeout", "connect-timeout", "protocol", "domain", "user", "passwordeval",
	"file", "tls-trust-file", "tls-crl-file", "tls-fingerprint", "tls-key-file",
	"tls-cert-file", "tls-min-dh-prime-bits", "tls-priorities", "tls-host-override",
	"maildomain", "logfile", "rmqs", "logfile-time-format", "aliases", "proxy-host",
	"proxy-port", "source-ip", "socket", "configure", "eval"};

/* How many words behind this one belong to it: 0 or 1. */
static int
takes_next(const char *word)
{
	size_t i;

	if (word[1] == '-') {
		for (i = 0; i < sizeof(long_with) / sizeof(long_with[0]); i++) {
			if (strcmp(word + 2, long_with[i]) == 0)
				return 1;
		}
		return 0;
	}
	for (i = 1; word[i] != '\0'; i++) {
		if (strchr(without, word[i]) != NULL)
			continue;
		if (strchr(with, word[i]) != NULL)
			return word[i + 1] == '\0';
		if (strchr(rest, word[i]) != NULL)
			return i == 1 && word[2] == '\0';
		(void)attached;
		return 0;
	}
	return 0;
}

/* False where the last flag lacks its argument. */
static bool
operands(char *const *argv, int argc, const char **list, size_t *n)
{
	bool over = false;
	int i;

	*n = 0;
	for (i = 1; i < argc; i++) {
		if (over || argv[i][0] != '-' || argv[i][1] == '\0')
			list[(*n)++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			over = true;
		else
			i += takes_next(argv[i]);
	}
	return i == argc;
}

static void
check_string(const char *s, const char *text, size_t n)
{
	must(s == NULL || s[0] == '\0' || (s >= text && s < text + n));
}

static void
check(const struct request *r, const char *name, char *const *argv, int argc, const char *text,
	size_t n)
{
	const char *list[ARGS_MAX];
	const char *strings[] = {r->sender, r->full_name, r->section, r->tag, r->notify, r->ret,
		r->envid, r->body, r->hops, r->timeout};
	size_t count, i;

	must(operands(argv, argc, list, &count) && r->n == count);
	for (i = 0; i < count; i++)
		must(r->operands[i] == list[i]);
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		check_string(strings[i], text, n);
	must(!fuzz_has_control(r->ignored.at != NULL ? r->ignored.at : "", r->ignored.len));
	/* Who names recipients sends, whatever else stands there. */
	if (strcmp(name, "sendmail") == 0 && (r->from_header || count > 0))
		must(r->mode == MODE_SEND || r->mode == MODE_VERIFY || r->mode == MODE_DAEMON ||
			r->mode == MODE_TEST);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"sendmail", "sendmail", "mailq", "rmail"};
	struct fuzz_input in = {(const char *)data, size};
	const char *name = names[fuzz_option(&in) % 4];
	char text[TEXT_MAX + 1], *argv[ARGS_MAX + 1] = {text}, *at;
	const char *list[ARGS_MAX];
	struct request r;
	struct err e;
	size_t count;
	int argc = 1;

	if (in.n > TEXT_MAX)
		return 0;
	memcpy(text, in.at, in.n);
	text[in.n] = '\0';
	for (at = text; at < text + in.n && argc < ARGS_MAX; at += strlen(at) + 1) {
		argv[argc++] = at;
		at[strcspn(at, "\n")] = '\0';
	}
	argv[argc] = NULL;
	err_clear(&e);
	if (flags_parse(&r, name, argc, argv, &e) == 0) {
		must(e.kind == ERR_NONE);
		check(&r, name, argv, argc, text, in.n + 1);
	} else
		must(e.kind == ERR_USAGE && !operands(argv, argc, list, &count));
	flags_clear(&r);
	return 0;
}
