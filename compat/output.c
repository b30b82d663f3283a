/* SPDX-License-Identifier: ISC */
/* output.c: what a person sees: one line on stderr, or a text on stdout. Decides nothing. */
#include "output.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 2048

const char output_help[] =
	"mailchute: hands each message to a submission server while the caller waits.\n"
	"\n"
	"As sendmail:\n"
	"  sendmail [-t] [-i] [-f SENDER] [-F NAME] [-v] [RECIPIENT ...] < message\n"
	"  mailchute -t -i ...     the same, where there is no link called sendmail\n"
	"As mailchute:\n"
	"  mailchute show [NAME]   the profile in force, secrets masked\n"
	"  mailchute resend FILE   a message that could not be sent (dead_letter), once more\n"
	"  mailchute --version\n"
	"\n"
	"The profile is /etc/mailchute.ini. See mailchute(1), sendmail(8), mailchute.ini(5).\n";

static int
write_all(int fd, const char *text, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = write(fd, text, n);
		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return -1;
		text += done;
		n -= (size_t)done;
	}
	return 0;
}

void
output_line(const char *who, const char *words)
{
	char buf[LINE_SIZE];
	struct text line;

	text_fixed(&line, buf, sizeof(buf) - 1);
	text_puts(&line, who);
	text_puts(&line, ": ");
	text_masked(&line, words, strlen(words));
	buf[line.len] = '\n';
	(void)write_all(STDERR_FILENO, buf, line.len + 1);
}

void
output_error_text(const char *text)
{
	(void)write_all(STDERR_FILENO, text, strlen(text));
}

int
output_text(const char *text)
{
	return write_all(STDOUT_FILENO, text, strlen(text));
}
