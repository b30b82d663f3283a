/* SPDX-License-Identifier: ISC */
/* profile_lines.c: the lines of a profile, taken by inih and checked one by one. Opens no file. */
#include "profile_lines.h"
#include "addr.h"
#include "scan.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

/* What inih's handler fills. */
struct intake {
	struct profile_file *file;
	const struct world *world;
	struct scan scan;
	struct profile scratch; /* values are tried on it, section by section */
	size_t calls;
	bool no_memory;
	char expanded[VALUE_EXPANDED_MAX];
};

static bool
is_list(const char *section, const char *name)
{
	const struct value_key *key = profile_key(name);

	return strcmp(section, "aliases") == 0 || (key != NULL && value_is_list(key));
}

const struct profile_entry *
profile_entry(const struct profile_file *f, const char *section, const char *key)
{
	bool any_case = strcmp(section, "aliases") == 0;
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->entries[i].section, section) == 0 &&
			(any_case ? text_same(f->entries[i].key, key)
				  : strcmp(f->entries[i].key, key) == 0))
			return &f->entries[i];
	}
	return NULL;
}

/* A group has no place in an alias: its name might be an address that is to be reached. */
static bool
opens_group(const char *value)
{
	size_t n, i;

	for (i = 0; value[i] != '\0'; i += n) {
		n = 1;
		if (value[i] == '"' || value[i] == '(')
			n = addr_enclosed(value + i, strlen(value + i));
		else if (value[i] == '[')
			n = strcspn(value + i, "]");
		if (n == 0 || value[i] == ':')
			return n != 0;
	}
	return false;
}

int
profile_check_alias(const char *value, struct err *e)
{
	struct addr_list l;
	struct addr_box box;
	const char *at;
	size_t members = 0;
	int got;

	/* What other programs would open or run is told by name, quoted or not. */
	addr_open(&l, value, strlen(value), false);
	for (at = value; (at = strchr(at, ':')) != NULL; at++) {
		if (text_same_n(at, strnlen(at, 9), ":include:"))
			return err_set(
				e, ERR_DATA, "an alias leads to addresses only, not to %.100s", at);
	}
	if (opens_group(value))
		return err_set(
			e, ERR_DATA, "an alias leads to addresses only; a colon is in its value");
	while ((got = addr_next(&l, &box, e)) == 1) {
		const char *name = box.address + (box.address[0] == '"');

		if (*name == '|' || *name == '/' || box.null)
			return err_set(e, ERR_DATA,
				"an alias leads to addresses only, not to \"%.100s\"",
				box.null ? "<>" : name);
		members++;
	}
	/* A recipient must not vanish by an empty line. */
	if (got == 0 && members == 0)
		return err_set(e, ERR_DATA, "an alias leads to nobody");
	return got;
}

/* Complains of what is wrong with it; an alias's value is expanded here, a key's when it is used. */
static void
check_entry(struct intake *in, struct profile_entry *entry)
{
	const struct value_key *key = profile_key(entry->key);
	const struct profile_entry *earlier;
	const char *nearest;
	struct err e = {.kind = ERR_NONE};

	earlier = entry->continues ? NULL : profile_entry(in->file, entry->section, entry->key);
	if (earlier != NULL) {
		scan_complain(&in->scan, entry->line, "%s stands in line %u already", entry->key,
			earlier->line);
		return;
	}
	if (strcmp(entry->section, "aliases") == 0) {
		if (value_expand(entry->value, in->world, in->expanded, sizeof(in->expanded), &e) ==
				-1 ||
			profile_check_alias(in->expanded, &e) == -1)
			scan_complain(&in->scan, entry->line, "%s", e.text);
		entry->value = in->expanded;
		return;
	}
	if (key == NULL) {
		nearest = profile_nearest_key(entry->key);
		scan_complain(&in->scan, entry->line,
			nearest != NULL ? "unknown key \"%s\", did you mean \"%s\"?"
					: "unknown key \"%s\"",
			entry->key, nearest);
		return;
	}
	if (value_set(key, &in->scratch, entry->value, entry->continues, in->file->of_home,
		    in->world, &e) == 0)
		return;
	if (e.kind == ERR_SYSTEM)
		in->no_memory = true;
	else
		scan_complain(&in->scan, entry->line, "%s: %s", key->name, e.text);
}

void
profile_free_entry(struct profile_entry *entry)
{
	/* It may be a password. */
	if (entry->value != NULL)
		text_wipe(entry->value, strlen(entry->value));
	free(entry->section);
	free(entry->key);
	free(entry->value);
}

static int
add_entry(struct profile_file *f, const struct profile_entry *entry)
{
	struct profile_entry *more, copy = *entry;

	if ((f->n & (f->n - 1)) == 0) {
		more = realloc(f->entries, (f->n == 0 ? 1 : f->n * 2) * sizeof(*more));
		if (more == NULL)
			return -1;
		f->entries = more;
	}
	copy.section = text_copy(entry->section, strlen(entry->section));
	copy.key = text_copy(entry->key, strlen(entry->key));
	copy.value = text_copy(entry->value, strlen(entry->value));
	if (copy.section == NULL || copy.key == NULL || copy.value == NULL) {
		profile_free_entry(&copy);
		return -1;
	}
	f->entries[f->n++] = copy;
	return 0;
}

/* inih calls this for each line that scan_text counted, in the same order. */
static int
take_entry(void *ctx, const char *section, const char *key, const char *value)
{
	struct intake *in = ctx;
	struct profile_entry entry = {(char *)section, (char *)key, (char *)value, 0, false};

	/* inih goes on calling, whatever it is told. */
	if (in->no_memory || in->calls >= in->scan.n)
		return 0;
	entry.line = in->scan.calls[in->calls].line;
	entry.continues = in->scan.calls[in->calls].continues;
	in->calls++;
	check_entry(in, &entry);
	if (add_entry(in->file, &entry) == -1)
		in->no_memory = true;
	return in->no_memory ? 0 : 1;
}

/* Lines of complaints into one sentence. */
static int
refuse_file(const struct profile_file *f, struct err *e)
{
	char line[ERR_TEXT_SIZE];
	size_t i, n = f->complaints.len;

	if (n >= sizeof(line))
		n = sizeof(line) - 1;
	memcpy(line, f->complaints.at, n);
	while (n > 0 && line[n - 1] == '\n')
		n--;
	line[n] = '\0';
	for (i = 0; i < n; i++) {
		if (line[i] == '\n')
			line[i] = ';';
	}
	return err_set(e, ERR_CONFIG, "%s", line);
}

static bool
says_any(const struct profile_file *f, const char *section)
{
	const struct profile_entry *mode = profile_entry(f, section, "secret_mode");

	if (mode == NULL)
		mode = profile_entry(f, "default", "secret_mode");
	return mode != NULL && strcmp(mode->value, "any") == 0;
}

/* A password in a file that others can read, in whichever section it stands. */
static void
guard_passwords(struct intake *in)
{
	const struct profile_file *f = in->file;
	size_t i;

	for (i = 0; f->others_read && i < f->n; i++) {
		if (strcmp(f->entries[i].key, "password") == 0 &&
			strcmp(f->entries[i].section, "aliases") != 0 &&
			!says_any(f, f->entries[i].section))
			scan_complain(&in->scan, f->entries[i].line,
				"a password, and others can read this file: chmod o-rwx %s",
				f->path);
	}
}

int
profile_read_lines(
	struct profile_file *f, const struct world *w, char *text, size_t len, struct err *e)
{
	struct intake in;
	int bad = 0;

	in.file = f;
	in.world = w;
	in.scratch = (struct profile){.port = 0};
	in.calls = 0;
	in.no_memory = false;
	in.scan = (struct scan){.path = f->path, .complaints = &f->complaints, .is_list = is_list};
	if (scan_text(&in.scan, text, len) == -1)
		in.no_memory = true;
	else
		bad = ini_parse_string(text, take_entry, &in);
	if (bad != 0 || (!in.no_memory && in.calls != in.scan.n))
		scan_complain(
			&in.scan, bad > 0 ? (unsigned)bad : 1, "this line can't be understood");
	free(in.scan.calls);
	profile_clear(&in.scratch);
	guard_passwords(&in);
	if (in.no_memory || f->complaints.no_memory)
		return err_set(e, ERR_SYSTEM, "no memory for %s", f->path);
	return f->complaints.len > 0 ? refuse_file(f, e) : 0;
}
