/* SPDX-License-Identifier: ISC */
/* profile_file.c: which profile counts, who may own it, and its lines. Knows no key by name. */
#include "addr.h"
#include "profile.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The largest profile, bytes. */
#define FILE_MAX (64 * 1024)

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

static const struct profile_entry *
earlier_entry(const struct profile_file *f, const char *section, const char *key)
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
	struct err e = {.kind = ERR_NONE};
	const char *nearest;
	char why[512];

	earlier = entry->continues ? NULL : earlier_entry(in->file, entry->section, entry->key);
	if (earlier != NULL) {
		scan_complain(&in->scan, entry->line, "%s stands in line %u already", entry->key,
			earlier->line);
		return;
	}
	if (strcmp(entry->section, "aliases") == 0) {
		if (value_expand(entry->value, in->world, in->expanded, sizeof(in->expanded), why,
			    sizeof(why)) == -1)
			scan_complain(&in->scan, entry->line, "%s", why);
		else if (profile_check_alias(in->expanded, &e) == -1)
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
		    in->world, why, sizeof(why)) == -1)
		scan_complain(&in->scan, entry->line, "%s: %s", key->name, why);
}

static void
free_entry(struct profile_entry *entry)
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
		free_entry(&copy);
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

/* The whole file into buf, a NUL behind it. Returns its length, or -1. */
static long
read_whole(int fd, const char *path, char *buf, size_t size, struct err *e)
{
	size_t len = 0;
	ssize_t got;

	for (;;) {
		got = read(fd, buf + len, size - len);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_errno(e, ERR_CONFIG, "cannot read %s", path);
		if (got == 0)
			break;
		len += (size_t)got;
		if (len == size)
			return size > FILE_MAX
				       ? err_set(e, ERR_CONFIG, "%s is over %d KiB", path,
						 FILE_MAX / 1024)
				       : err_set(e, ERR_CONFIG, "%s grew while it was read", path);
	}
	buf[len] = '\0';
	return (long)len;
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
	const struct profile_entry *mode = earlier_entry(f, section, "secret_mode");

	if (mode == NULL)
		mode = earlier_entry(f, "default", "secret_mode");
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

static int
parse_file(struct profile_file *f, const struct world *w, char *text, size_t len, struct err *e)
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
	if (in.no_memory)
		return err_set(e, ERR_SYSTEM, "no memory for %s", f->path);
	return f->complaints.len > 0 ? refuse_file(f, e) : 0;
}

/* Who may write our orders: root and we ourselves, nobody else. */
static int
check_owner(
	const struct profile_file *f, const struct world *w, const struct stat *st, struct err *e)
{
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_CONFIG, "%s is no regular file", f->path);
	if (st->st_uid != 0 && st->st_uid != w->euid)
		return err_set(e, ERR_CONFIG,
			"%s belongs to uid %ld: only root's or uid %ld's counts", f->path,
			(long)st->st_uid, (long)w->euid);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_CONFIG, "others than its owner can write %s: chmod go-w %s",
			f->path, f->path);
	return 0;
}

/* Who we are, what it is, and the two ways out. */
static int
refuse_unreadable(const struct world *w, const char *path, struct err *e)
{
	int cause = errno;
	char is[96] = "";
	struct stat st;

	if (stat(path, &st) == 0)
		(void)text_format(is, sizeof(is), ", and it is mode 0%c%c%c of uid %ld, gid %ld",
			'0' + (int)(st.st_mode >> 6 & 7), '0' + (int)(st.st_mode >> 3 & 7),
			'0' + (int)(st.st_mode & 7), (long)st.st_uid, (long)st.st_gid);
	errno = cause;
	return err_errno(e, ERR_CONFIG,
		"cannot open %s as uid %ld%s (let a group of this user read it: chown root:GROUP, "
		"chmod 0640; or keep the secret in a password_file and chmod 0644 this one)",
		path, (long)w->euid, is);
}

/* Reads one file. Returns 1, 0 where there is none, -1 on error. */
static int
read_file(struct profile_file *f, const struct world *w, const char *path, bool of_home,
	struct err *e)
{
	char *text = NULL;
	size_t room = FILE_MAX + 1;
	struct stat st;
	long len;
	int fd, result = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	/* A link that leads nowhere is there: what it should have said isn't known. */
	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR) && lstat(path, &st) == -1)
		return 0;
	if (fd == -1)
		return refuse_unreadable(w, path, e);
	f->path = text_copy(path, strlen(path));
	if (fstat(fd, &st) == -1) {
		(void)err_errno(e, ERR_CONFIG, "cannot look at %s", path);
		goto out;
	}
	if (S_ISREG(st.st_mode) && st.st_size < FILE_MAX)
		room = (size_t)st.st_size + 1;
	text = malloc(room);
	if (f->path == NULL || text == NULL) {
		(void)err_set(e, ERR_SYSTEM, "no memory for %s", path);
		goto out;
	}
	f->of_home = of_home;
	f->others_read = (st.st_mode & S_IROTH) != 0;
	if (check_owner(f, w, &st, e) == -1)
		goto out;
	len = read_whole(fd, path, text, room, e);
	if (len != -1 && parse_file(f, w, text, (size_t)len, e) == 0)
		result = 1;
	text_wipe(text, room);
out:
	free(text);
	(void)close(fd);
	return result;
}

static bool
says_user_profiles(const struct profile_file *f)
{
	const struct profile_entry *entry = earlier_entry(f, "default", "user_profiles");

	return entry != NULL && strcmp(entry->value, "yes") == 0;
}

/* The user's own: $MAILCHUTE_CONFIG, else the one in the home that the password database names. */
static int
read_own_file(struct profile_file *f, const struct world *w, struct err *e)
{
	const char *path = w->variable(w, "MAILCHUTE_CONFIG"), *home;
	char in_home[1024];
	int got;

	if (path != NULL && path[0] != '\0') {
		if (path[0] != '/')
			return err_set(
				e, ERR_CONFIG, "MAILCHUTE_CONFIG=%s is no absolute path", path);
		got = read_file(f, w, path, false, e);
		return got != 0 ? got
				: err_set(e, ERR_CONFIG, "MAILCHUTE_CONFIG=%s isn't there", path);
	}
	home = w->uid == 0 || w->euid == 0 ? NULL : w->home(w);
	if (home == NULL || home[0] != '/')
		return 0;
	if (!text_format(in_home, sizeof(in_home), "%s/.config/mailchute.ini", home))
		return 0;
	return read_file(f, w, in_home, true, e);
}

static void
empty_file(struct profile_file *f)
{
	*f = (struct profile_file){.path = NULL};
	text_heap(&f->complaints, 1024 * 1024);
}

int
profile_open(struct profile_file *f, const struct world *w, struct err *e)
{
	struct profile_file own;
	int got;

	empty_file(f);
	got = read_file(f, w, w->system_path, false, e);
	if (got == -1 || (got == 1 && (w->set_id || !says_user_profiles(f))))
		return got == 1 ? 0 : -1;
	if (got == 0 && w->set_id)
		return err_set(e, ERR_CONFIG, "no profile: %s isn't there", w->system_path);
	empty_file(&own);
	switch (read_own_file(&own, w, e)) {
	case 0:
		profile_close(&own);
		return got == 1 ? 0
				: err_set(e, ERR_CONFIG,
					  "no profile: neither %s, nor "
					  "$MAILCHUTE_CONFIG, nor ~/.config/mailchute.ini is there",
					  w->system_path);
	case 1:
		profile_close(f);
		*f = own;
		return 0;
	default:
		profile_close(f);
		*f = own;
		return -1;
	}
}

void
profile_close(struct profile_file *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		free_entry(&f->entries[i]);
	free(f->entries);
	free(f->path);
	text_free(&f->complaints);
	empty_file(f);
}
