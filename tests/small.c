/* SPDX-License-Identifier: ISC */
/* small.c: compat/small.c beside this machine's C library. Built and run by 01-small.bats. */
#define open     small_open
#define qsort    small_qsort
#define gmtime_r small_gmtime_r
#include "../compat/small.c"
#undef gmtime_r
#undef qsort
#undef open

#include <stdio.h>
#include <string.h>

struct tm *gmtime_r(const time_t *when, struct tm *to);
void qsort(void *list, size_t n, size_t size, int (*compare)(const void *, const void *));

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 2);
}

static int
sorts(size_t n, size_t size, unsigned kinds)
{
	static unsigned char mine[300 * 24], theirs[300 * 24];
	size_t i;

	for (i = 0; i < n * size; i++)
		mine[i] = theirs[i] = (unsigned char)((unsigned)rand() % kinds);
	/* Equal ones may come in any order, so nothing behind what is compared may differ. */
	for (i = 0; i < n * size; i++) {
		if (i % size >= 2)
			mine[i] = theirs[i] = mine[i - i % size];
	}
	small_qsort(mine, n, size, compare);
	qsort(theirs, n, size, compare);
	return memcmp(mine, theirs, n * size) == 0;
}

static int
same_time(time_t when)
{
	struct tm mine, theirs;

	if (small_gmtime_r(&when, &mine) == NULL || gmtime_r(&when, &theirs) == NULL)
		return 0;
	return mine.tm_sec == theirs.tm_sec && mine.tm_min == theirs.tm_min &&
	       mine.tm_hour == theirs.tm_hour && mine.tm_mday == theirs.tm_mday &&
	       mine.tm_mon == theirs.tm_mon && mine.tm_year == theirs.tm_year &&
	       mine.tm_wday == theirs.tm_wday && mine.tm_yday == theirs.tm_yday;
}

int
main(void)
{
	long long day;
	size_t n;

	for (n = 0; n < 300; n++) {
		if (!sorts(n, 2, 3) || !sorts(n, 8, 256) || !sorts(n, 24, 2)) {
			printf("%zu items aren't sorted\n", n);
			return 1;
		}
	}
	/* Each day of the years 1 to 9999, at its first, its last and some second. */
	for (day = -719162; day < 2932897; day++) {
		if (!same_time(day * 86400) || !same_time(day * 86400 + 86399) ||
			!same_time(day * 86400 + rand() % 86400)) {
			printf("day %lld is wrong\n", day);
			return 1;
		}
	}
	return 0;
}
