/* SPDX-License-Identifier: ISC */
/* ehlo.c: a session brought up: greeting, EHLO and its keywords, STARTTLS (smtp.c, smtp_open.c). */
#include "fuzz.h"
#include "smtp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct net net;
static struct smtp s;
static struct net_addresses addresses;

/* True where a line begins with the keyword; where size isn't 0, with this number behind it. */
static bool
offered(const char *keyword, uint64_t size)
{
	const char *at = fuzz_said.at, *end = at + fuzz_said.n, *stop;
	size_t len = strlen(keyword), n;
	char value[1024]; /* zeros may lead */

	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		n = (size_t)(stop - at);
		n -= n > 0 && at[n - 1] == '\r';
		if (n < 4 + len || strncasecmp(at + 4, keyword, len) != 0)
			continue;
		if (n > 4 + len && at[4 + len] != ' ' &&
			(at[4 + len] != '=' || strcmp(keyword, "AUTH") == 0))
			continue;
		(void)text_format(value, sizeof(value), "%.*s",
			n > 5 + len ? (int)(n - 5 - len) : 0, at + 5 + len);
		if (size == 0 || strtoull(value, NULL, 10) == size)
			return true;
	}
	return false;
}

static void
check_offers(void)
{
	static const struct {
		const char *keyword;
		unsigned bit;
	} rows[] = {
		{"STARTTLS",   SMTP_STARTTLS  },
                {"PIPELINING", SMTP_PIPELINING},
		{"8BITMIME",   SMTP_8BITMIME  },
                {"SMTPUTF8",   SMTP_UTF8      },
                {"SIZE",       SMTP_SIZE      },
		{"AUTH",       SMTP_AUTH      },
                {"DSN",        SMTP_DSN       },
                {"CHUNKING",   SMTP_CHUNKING  }
        };
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((s.capabilities & rows[i].bit) != 0)
			must(offered(rows[i].keyword, 0));
	}
	must((s.capabilities & ~0xffU) == 0);
	if (s.size_max != 0)
		must((s.capabilities & SMTP_SIZE) != 0 && offered("SIZE", s.size_max));
	must(s.mechanisms[0] == '\0' || (s.capabilities & SMTP_AUTH) != 0);
}

static void
see(void *ctx, const char *who, const char *text)
{
	(void)ctx;
	must(who[1] == '\0' && !fuzz_has_control(text, strlen(text)));
}

/* EHLO, STARTTLS where it was offered, EHLO: nothing else may be said. */
static void
check_commands(unsigned tls)
{
	const char *at = fuzz_sent.at, *ehlo = "EHLO client.test\r\n";

	fuzz_sent.at[fuzz_sent.n] = '\0';
	if (fuzz_sent.n == 0)
		return;
	must(strncmp(at, ehlo, strlen(ehlo)) == 0);
	at += strlen(ehlo);
	if (strncmp(at, "STARTTLS\r\n", 10) == 0) {
		must(tls != SMTP_NO_TLS);
		return; /* what follows is for TLS */
	}
	must(at[0] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum smtp_tls ways[] = {
		SMTP_NO_TLS, SMTP_TLS_BY_STARTTLS, SMTP_TLS_IF_OFFERED, SMTP_NO_TLS};
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	struct smtp_options options = {
		.host = "mail.test",
		.tls = ways[option % 4],
		.tls_options = {.policy = {.name = "mail.test", .trust = "pin", .verify = true}},
		.helo = "client.test",
		.timeout = 1000,
		.deadline = INT64_MAX,
		.trace = { see,							   NULL}
        };
	static struct err e;

	if (in.n >= sizeof(fuzz_sent.at) / 2)
		return 0;
	fuzz_server(in, option / 4, false);
	net_init(&net);
	err_clear(&e);
	e.lost_peer = false;
	addresses.n = 1;
	if (net_connect(&net, &addresses, 0, 0, &e) == -1)
		return 0;
	if (smtp_open(&s, &net, &options, &e) == 0) {
		must(e.kind == ERR_NONE && options.tls != SMTP_TLS_BY_STARTTLS && !s.encrypted);
		must(s.reply.code == 250 && s.unanswered == 0);
		check_offers();
	} else
		must(e.kind == ERR_TEMP || e.kind == ERR_REFUSED || e.kind == ERR_TLS);
	check_commands(options.tls);
	smtp_close(&s, option % 8 >= 4);
	return 0;
}
