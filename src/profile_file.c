/* SPDX-License-Identifier: ISC */
/* profile_file.c: which profile counts, and who may own it. Knows no line of it but one. */
#include "profile_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The largest profile, bytes. */
#define FILE_MAX (64 * 1024)

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
	if (len != -1 && profile_read_lines(f, w, text, (size_t)len, e) == 0)
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
	const struct profile_entry *entry = profile_entry(f, "default", "user_profiles");

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
		profile_free_entry(&f->entries[i]);
	free(f->entries);
	free(f->path);
	text_free(&f->complaints);
	empty_file(f);
}
