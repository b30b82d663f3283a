/* SPDX-License-Identifier: ISC */
/* reply.c: replies of one line and of many, however they are cut (smtp.c, wire.c). */
#include "fuzz.h"
#include "smtp.h"

#include <string.h>

#define SECRET "s3cret"

static struct {
	const char *data;
	size_t n, at, piece;
} stream;
static struct net net;
static struct smtp s;
static enum net_fault_kind fault; /* when all was read */

static unsigned char *
room(void *ctx, size_t *n)
{
	(void)ctx;
	*n = 0;
	return NULL;
}

static void
put(void *ctx, size_t n)
{
	(void)ctx;
	(void)n;
}

static const unsigned char *
input(void *ctx, size_t *n)
{
	size_t left = stream.n - stream.at;

	(void)ctx;
	*n = left < stream.piece ? left : stream.piece;
	return (const unsigned char *)stream.data + stream.at;
}

static void
got(void *ctx, size_t n)
{
	(void)ctx;
	stream.at += n;
}

static int
pump(void *ctx, enum wire_want want, int64_t deadline)
{
	(void)ctx;
	(void)deadline;
	if (want == WIRE_FLUSHED || stream.at < stream.n)
		return 0;
	net.fault.kind = fault;
	return -1;
}

static const struct wire_ops ops = {room, put, input, got, pump};

static void
see(void *ctx, const char *who, const char *text)
{
	(void)ctx;
	must(who[0] == 'S' && !fuzz_has_control(text, strlen(text)));
	must(strstr(text, SECRET) == NULL);
}

/* What was read for one reply: lines of one code, the last alone without a hyphen. */
static void
check(const char *at, const char *end)
{
	char code[4] = {(char)('0' + s.reply.code / 100), (char)('0' + s.reply.code / 10 % 10),
		(char)('0' + s.reply.code % 10), 0};
	const char *line_end;
	unsigned lines = 0;

	must(s.reply.code >= 200 && s.reply.code <= 599);
	for (; at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		must(line_end != NULL && ++lines <= SMTP_LINES_MAX);
		must(strncmp(at, code, 3) == 0);
		must((at[3] == '-') == (line_end + 1 < end));
		must(at[3] == '-' || at[3] == ' ' || at[3] == '\n' || at[3] == '\r');
	}
	must(strncmp(s.reply.words, code, 3) == 0 && s.reply.words[3] != '-');
	must(!fuzz_has_control(s.reply.words, strlen(s.reply.words)));
	must(strstr(s.reply.words, SECRET) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct smtp_options options = {
		.host = "mail.test", .trace = {see, NULL}
        };
	static struct err e;
	struct fuzz_input in = {(const char *)data, size};
	unsigned option = fuzz_option(&in);
	size_t before;
	bool login;

	stream.data = in.at;
	stream.n = in.n;
	stream.at = 0;
	stream.piece = option / 16 > 0 ? option / 16 : in.n + 1;
	login = option % 2 == 1;
	fault = (enum net_fault_kind)(NET_EOF + option / 2 % 5);
	net.fault.kind = NET_FINE;
	s.options = &options;
	s.net = &net;
	s.wire.ops = &ops;
	s.wire.net = &net;
	s.unanswered = 1;
	s.secrets[0] = (struct text){.at = (char *)SECRET, .len = sizeof(SECRET) - 1};
	if (login) {
		err_clear(&e);
		(void)text_format(s.login, sizeof(s.login), "AUTH PLAIN");
		if (smtp_get_login(&s, &e) == -1) {
			must(e.lost_peer && (e.kind == ERR_TEMP ||
						    (e.kind == ERR_AUTH && s.reply.code >= 500)));
			return 0;
		}
		must(s.reply.code == 235 && s.login[0] == '\0');
	}
	do {
		err_clear(&e);
		before = stream.at;
		s.challenge[0] = '\0';
		if (smtp_get_by(&s, SMTP_AT_END, 0, &e) == -1) {
			must(e.kind == ERR_UNKNOWN && e.lost_peer);
			break;
		}
		check(stream.data + before, stream.data + stream.at);
		must(s.reply.code == 334 || s.challenge[0] == '\0');
		must(smtp_refused(&s, "x", ERR_REFUSED, &e) == -1);
		must(e.kind == (s.reply.code >= 500 ? ERR_REFUSED : ERR_TEMP));
	} while (stream.at > before);
	return 0;
}
