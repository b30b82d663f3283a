/* SPDX-License-Identifier: ISC */
/* profile.c: profiles (profile_lines.c, profile_check.c, scan.c, value.c, value_kinds.c). */
#include "profile.h"
#include "fuzz.h"

#include <string.h>

#define TEXT_MAX 4096

static char shown[1 << 17];

/* The n-th line, without blanks around it. */
static struct fuzz_input
line_of(const struct fuzz_input *in, unsigned n)
{
	const char *at = in->at, *end = in->at + in->n, *stop;

	if (in->n >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	for (;; at = stop + 1) {
		must(at < end);
		stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		if (--n == 0)
			break;
	}
	while (at < stop && (text_is_blank(*at)))
		at++;
	while (at < stop && (text_is_blank(stop[-1]) || stop[-1] == '\r'))
		stop--;
	return (struct fuzz_input){at, (size_t)(stop - at)};
}

/* What inih gave us is what stands there: no value is cut, no key is invented. */
static void
check_entry(const struct profile_entry *entry, const struct fuzz_input *in)
{
	struct fuzz_input line = line_of(in, entry->line);
	size_t key = strlen(entry->key), value = strlen(entry->value), i;

	/* An alias's value has its ${NAME} filled in already. */
	if (strcmp(entry->section, "aliases") == 0 && memchr(line.at, '$', line.n) != NULL)
		return;
	must(entry->section[0] != '\0' && key > 0 && value <= line.n);
	must(memcmp(line.at + line.n - value, entry->value, value) == 0);
	must(!fuzz_has_control(entry->value, value) || strchr(entry->value, '\t') != NULL);
	if (entry->continues) {
		must(value == line.n);
		return;
	}
	must(key < line.n && memcmp(line.at, entry->key, key) == 0);
	for (i = key; i < line.n - value; i++)
		must(text_is_blank(line.at[i]) || line.at[i] == '=' || line.at[i] == ':');
}

static const char *
variable(const struct world *w, const char *name)
{
	if (strcmp(name, "MAILCHUTE_CONFIG") == 0)
		return w->cache;
	return fuzz_world.variable(w, name);
}

static const char *
home(const struct world *w)
{
	(void)w;
	return "/home";
}

/* The file as the system's, as a user's own by name or by place, and places where there is none. */
static struct world
make_world(unsigned option)
{
	static char own[] = FUZZ_PATH, none[] = "/none", relative[] = "none";
	struct world w = fuzz_world;

	w.variable = variable;
	w.home = home;
	w.set_id = option % 8 == 7;
	if (option % 4 > 0)
		w.system_path = "/none";
	if (option % 4 == 1)
		w.cache = own;
	else if (option % 16 == 2)
		w.cache = none;
	else if (option % 16 == 6)
		w.cache = relative;
	w.uid = w.euid = option % 4 == 3;
	return w;
}

static void
check_section(const struct profile_file *f, const struct world *w, const char *name, bool by_caller)
{
	static struct profile p;
	struct text out;
	struct err e;

	err_clear(&e);
	text_fixed(&out, shown, sizeof(shown));
	if (profile_choose(&p, f, w, name, by_caller, &e) == 0) {
		must(e.kind == ERR_NONE);
		must(!by_caller || name == NULL || p.selectable);
		if (profile_check(&p, &e) == 0) {
			must(e.kind == ERR_NONE && p.hosts.n > 0 && p.hosts.list[0].port != 0);
			must(p.user == NULL || p.hosts.list[0].tls != TLS_OFF || p.auth_insecure ||
				strcmp(p.auth, "off") == 0);
		} else
			must(e.kind == ERR_CONFIG);
		profile_show(&p, &out);
		must(p.password == NULL || strstr(shown, "password = ***\n") != NULL);
	} else
		must(e.kind == ERR_CONFIG || (e.kind == ERR_SYSTEM && fuzz_memory > 0));
	profile_clear(&p);
}

/* Whether the scan and inih disagree. Byte by byte: libFuzzer learns from strstr what to write. */
static bool
is_torn(const struct text *complaints)
{
	static const char words[] = ": this line can't be understood\n";
	size_t len = sizeof(words) - 1, i, k;

	for (i = 0; i + len <= complaints->len; i++) {
		for (k = 0; k < len && complaints->at[i + k] == words[k];)
			k++;
		if (k == len)
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct profile_file f;
	struct fuzz_input in = {(const char *)data, size};
	struct world w = make_world(fuzz_option(&in));
	unsigned memory = fuzz_option(&in);
	const char *name;
	struct err e;
	size_t i;

	if (in.n > TEXT_MAX)
		return 0;
	fuzz_file(FUZZ_FILE, in.at, in.n, 0);
	fuzz_memory = memory < 64 ? memory : 0;
	err_clear(&e);
	if (profile_open(&f, &w, &e) == 0) {
		must(e.kind == ERR_NONE && f.complaints.len == 0);
		for (i = 0; i < f.n; i++)
			check_entry(&f.entries[i], &in);
		check_section(&f, &w, NULL, false);
		for (i = 0; i < 4 && (name = profile_section(&f, i)) != NULL; i++)
			check_section(&f, &w, name, i % 2 == 1);
	} else {
		must(e.kind == ERR_CONFIG || (e.kind == ERR_SYSTEM && fuzz_memory > 0));
		must(fuzz_memory > 0 || !is_torn(&f.complaints));
	}
	profile_close(&f);
	fuzz_memory = 0;
	return 0;
}
