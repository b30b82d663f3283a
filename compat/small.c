/* SPDX-License-Identifier: ISC */
/*
 * small.c: functions of the C library in less room or with fewer system calls than musl's, by the
 * same contracts. The linker takes these and leaves musl's out. Nothing that others lack.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <sys/types.h>

/* musl's sets FD_CLOEXEC once more, for kernels before 2.6.23. */
int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	/* O_TMPFILE has O_DIRECTORY's bit, which comes without a mode. */
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return openat(AT_FDCWD, path, flags, mode);
}

static void
exchange(char *a, char *b, size_t n)
{
	char byte;

	for (; n > 0; n--, a++, b++) {
		byte = *a;
		*a = *b;
		*b = byte;
	}
}

/* The item at i sinks until no child of it is greater. */
static void
sink(char *at, size_t i, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	size_t child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && compare(at + child * size, at + (child + 1) * size) < 0)
			child++;
		if (compare(at + i * size, at + child * size) >= 0)
			return;
		exchange(at + i * size, at + child * size, size);
		i = child;
	}
}

/* Heapsort: n log n at worst, and no memory of its own. */
void
qsort(void *list, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	char *at = list;
	size_t i;

	for (i = n / 2; i > 0; i--)
		sink(at, i - 1, n, size, compare);
	for (i = n; i > 1; i--) {
		exchange(at, at + (i - 1) * size, size);
		sink(at, 0, i - 1, size, compare);
	}
}

#define DAY        86400
#define DAYS_1970  719468 /* from the 1st of March of the year 0 */
#define DAYS_400   146097 /* of 400 years */
#define LAST_YEARS 9999

/* Years are counted from March, so that the leap day is the last of one. The years 0 to 9999. */
struct tm *
gmtime_r(const time_t *when, struct tm *to)
{
	long long days = *when / DAY + DAYS_1970;
	int second = (int)(*when % DAY), day, year, month;
	bool leap;

	if (second < 0) {
		second += DAY;
		days--;
	}
	if (days < 0 || days / 366 > LAST_YEARS)
		return NULL;
	day = (int)(days % DAYS_400);
	year = (day - day / 1460 + day / 36524 - day / (DAYS_400 - 1)) / 365;
	leap = year % 4 == 0 && (year % 100 != 0 || year == 0);
	day -= 365 * year + year / 4 - year / 100;
	/* From March on the months' lengths are those of a line that climbs by 153 days in 5. */
	month = (5 * day + 2) / 153;
	*to = (struct tm){
		.tm_sec = second % 60,
		.tm_min = second / 60 % 60,
		.tm_hour = second / 3600,
		.tm_mday = day - (153 * month + 2) / 5 + 1,
		.tm_mon = (month + 2) % 12,
		.tm_year = (int)(days / DAYS_400) * 400 + year + (month >= 10) - 1900,
		.tm_wday = (int)((days + 3) % 7),
		.tm_yday = month >= 10 ? day - 306 : day + 59 + leap,
	};
	return to;
}
