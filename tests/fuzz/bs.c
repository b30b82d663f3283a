/* SPDX-License-Identifier: ISC */
/* bs.c: a caller, a server, anything said (bs.c, bs_letter.c, bs_args.c, relay.c, dialogue.c). */
#include "bs.h"
#include "fuzz.h"
#include "profile.h"

#include <string.h>

#define TEXT_MAX 4096

static const char hosts[] = "192.0.2.1 mail.test\n192.0.2.2 mail.test two.test\n";

static const char profile[] = "[default]\n"
			      "host = mail.test nowhere.test\n"
			      "tls = off\n"
			      "log = off\n"
			      "from = alice@mail.test\n"
			      "domain = mail.test\n"
			      "helo = client.test\n"
			      "max_size = 1K\n"
			      "max_recipients = 3\n"
			      "[aliases]\n"
			      "team = a@x.test, b@x.test\n";

/* What the caller was told: whole replies, and how often that his content was taken. */
static unsigned
check_replies(void)
{
	const char *at = fuzz_written.at, *end = at + fuzz_written.n, *stop;
	bool content = false;
	unsigned taken = 0;

	must(fuzz_is_smtp(at, fuzz_written.n) && fuzz_written.n > 4 && memcmp(at, "220 ", 4) == 0);
	for (; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		must(stop - at >= 5 && at[0] >= '2' && at[0] <= '5' && text_is_digit(at[1]) &&
			text_is_digit(at[2]));
		must((at[3] == ' ' || at[3] == '-') &&
			!fuzz_has_control(at, (size_t)(stop - at - 1)));
		if (at[3] == '-')
			continue;
		if (content && at[0] == '2')
			taken++;
		content = memcmp(at, "354", 3) == 0;
	}
	return taken;
}

/* How many contents went to the server whole, at most. */
static unsigned
contents(void)
{
	const char *at = fuzz_sent.at, *end = at + fuzz_sent.n;
	unsigned n = 0;

	for (; at + 5 <= end; at++)
		n += memcmp(at, "\r\n.\r\n", 5) == 0 || memcmp(at, " LAST", 5) == 0;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request request = {.mode = MODE_SMTP};
	static char text[sizeof(profile) + 16];
	struct fuzz_input in = {(const char *)data, size}, caller;
	unsigned option = fuzz_option(&in), piece = fuzz_option(&in);

	if (in.n > TEXT_MAX)
		return 0;
	if (text[0] == '\0')
		(void)text_format(text, sizeof(text), "[default]\n%s%s",
			profile_key("sandbox") != NULL ? "sandbox = no\n" : "",
			strchr(profile, '\n') + 1);
	request.utf8 = option % 4 == 3;
	caller = fuzz_part(&in);
	fuzz_file(FUZZ_STDIN, caller.at, caller.n, piece % 16);
	fuzz_file(FUZZ_FILE, text, strlen(text), 0);
	fuzz_file(FUZZ_HOSTS, hosts, sizeof(hosts) - 1, 0);
	fuzz_server(in, piece / 16, option % 2 == 1);
	fuzz_written.n = 0;
	must(bs_run(&fuzz_world, &request) == 0);
	must(check_replies() <= contents());
	return 0;
}
