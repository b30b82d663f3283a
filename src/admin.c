/* SPDX-License-Identifier: ISC */
/* admin.c: the mailchute command: what an administrator asks. */
#include "admin.h"
#include "output.h"
#include "profile.h"
#include "resend.h"

#include <string.h>

static int
fail(const struct profile_file *f, const struct err *e)
{
	/* To a person at a terminal each complaint is a line of its own. */
	if (f->complaints.len > 0)
		output_error_text(f->complaints.at);
	else
		output_line("mailchute", e->text);
	return err_status(e->kind, 69);
}

/* show [NAME] */
static int
show(int argc, char *const argv[], const struct world *w)
{
	struct err e = {.kind = ERR_NONE};
	struct profile_file file = {.n = 0};
	struct profile profile = {.port = 0};
	struct text out;
	int status = 0;

	if (argc > 3) {
		output_line("mailchute", "show [SECTION]: one section");
		return err_status(ERR_USAGE, 69);
	}
	text_heap(&out, 1024 * 1024);
	if (profile_open(&file, w, &e) == -1 ||
		profile_choose(&profile, &file, w, argc > 2 ? argv[2] : NULL, false, &e) == -1 ||
		profile_check(&profile, &e) == -1)
		status = fail(&file, &e);
	else {
		profile_show(&profile, &out);
		if (output_text(out.at) == -1)
			status = err_status(ERR_SYSTEM, 69);
	}
	text_free(&out);
	profile_clear(&profile);
	profile_close(&file);
	return status;
}

static int
help(int argc, char *const argv[], const struct world *w)
{
	(void)argc;
	(void)argv;
	(void)w;
	return output_text(OUTPUT_HELP) == 0 ? 0 : err_status(ERR_SYSTEM, 69);
}

static int
version(int argc, char *const argv[], const struct world *w)
{
	(void)argc;
	(void)argv;
	(void)w;
	return output_text(OUTPUT_VERSION) == 0 ? 0 : err_status(ERR_SYSTEM, 69);
}

static const struct {
	const char *name;
	int (*run)(int argc, char *const argv[], const struct world *w);
} commands[] = {
	{"show",      show      },
	{"resend",    resend_run},
	{"help",      help      },
	{"--help",    help      },
	{"--version", version   },
};

int
admin_run(int argc, char *const argv[], const struct world *w)
{
	size_t i;

	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc, argv, w);
	}
	output_line("mailchute",
		"which command? show, resend, help; --version. To send, begin with a flag "
		"(mailchute -t), or call it as sendmail");
	return err_status(ERR_USAGE, 69);
}
