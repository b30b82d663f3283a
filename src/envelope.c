/* SPDX-License-Identifier: ISC */
/* envelope.c: who sends, who receives, and what became of each. Knows no server. */
#include "envelope.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ALIAS_DEPTH_MAX 16

void
envelope_init(struct envelope *env)
{
	*env = (struct envelope){.n = 0};
}

void
envelope_free(struct envelope *env)
{
	size_t i;

	for (i = 0; i < env->n; i++) {
		free(env->rcpts[i].address);
		free(env->rcpts[i].reply);
		free(env->rcpts[i].dsn);
	}
	free(env->rcpts);
	envelope_init(env);
}

static int
append(struct envelope *env, const char *address, const char *domain, struct err *e)
{
	struct rcpt *more;
	size_t local = strlen(address), n = local + (domain != NULL ? strlen(domain) + 1 : 0);
	char *copy;

	if (env->n == ENVELOPE_RCPTS_MAX)
		return err_set(e, ERR_DATA, "over %d recipients", ENVELOPE_RCPTS_MAX);
	if (n >= ADDR_SIZE)
		return err_set(e, ERR_DATA, "the address %.100s... is too long", address);
	if ((env->n & (env->n - 1)) == 0) {
		more = realloc(env->rcpts, (env->n == 0 ? 1 : env->n * 2) * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_SYSTEM, "no memory for the recipients");
		env->rcpts = more;
	}
	copy = malloc(n + 1);
	if (copy == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the recipients");
	memcpy(copy, address, local + 1);
	if (domain != NULL)
		(void)text_format(copy + local, n + 1 - local, "@%s", domain);
	env->rcpts[env->n++] = (struct rcpt){.address = copy, .fate = RCPT_OPEN};
	return 0;
}

/* The name under which an address may be an alias, or NULL: foreign addresses are never one. */
static const char *
alias_name(const struct envelope_rules *rules, const struct addr_box *box, char *buf, size_t size)
{
	size_t n = strlen(box->address), i;
	struct text name;

	if (box->domain != NULL) {
		if (rules->host_name[0] == '\0' || !text_same(box->domain, rules->host_name))
			return NULL;
		n = (size_t)(box->domain - box->address) - 1;
	}
	/* Quotes aren't part of the name; those of an aliases file are gone, too. */
	text_fixed(&name, buf, size);
	for (i = 0; i < n; i++) {
		if (box->address[i] == '"')
			continue;
		if (box->address[i] == '\\' && i + 1 < n)
			i++;
		text_char(&name, box->address[i]);
	}
	return name.cut ? NULL : buf;
}

/* The names that led here, so that an alias for itself ends and a loop is told. */
struct trail {
	char names[ALIAS_DEPTH_MAX][ADDR_SIZE];
	size_t n;
	bool caught; /* by "*" was the last */
};

static int follow(struct envelope *env, const struct envelope_rules *rules,
	const struct addr_box *box, struct trail *trail, struct err *e);

static int
follow_value(struct envelope *env, const struct envelope_rules *rules, const struct alias *alias,
	struct trail *trail, struct err *e)
{
	struct err cause = {.kind = ERR_NONE};
	struct addr_list l;
	struct addr_box box;

	if (profile_check_alias(alias->value, &cause) == -1)
		return err_set(e, ERR_CONFIG, "alias %s: %s", alias->name, cause.text);
	addr_open(&l, alias->value, strlen(alias->value), false);
	while (addr_next(&l, &box, &cause) == 1) {
		if (follow(env, rules, &box, trail, e) == -1)
			return -1;
	}
	return 0;
}

static int
refuse_loop(const struct trail *trail, const char *name, struct err *e)
{
	struct text words;
	char buf[512];
	size_t i;

	text_fixed(&words, buf, sizeof(buf));
	for (i = 0; i < trail->n; i++)
		text_printf(&words, "%s -> ", trail->names[i]);
	return err_set(e, ERR_CONFIG, "aliases lead in a loop (or too deep): %s%s", buf, name);
}

static int
follow(struct envelope *env, const struct envelope_rules *rules, const struct addr_box *box,
	struct trail *trail, struct err *e)
{
	char buf[ADDR_SIZE];
	const char *name = alias_name(rules, box, buf, sizeof(buf));
	const struct alias *found = NULL;
	bool was_caught = trail->caught;
	size_t n = 0, i;

	if (name != NULL)
		found = aliases_find(rules->aliases, name, &n);
	if (found != NULL)
		trail->caught = false;
	/* What "*" leads to isn't caught by it again. */
	else if (name != NULL && !trail->caught) {
		found = aliases_find(rules->aliases, "*", &n);
		trail->caught = true;
	}
	/* "root: root, me@x": an alias that names itself means that mailbox. */
	if (found == NULL || (trail->n > 0 && text_same(trail->names[trail->n - 1], name))) {
		trail->caught = was_caught;
		return append(env, box->address, box->domain == NULL ? rules->domain : NULL, e);
	}
	for (i = 0; i < trail->n; i++) {
		if (text_same(trail->names[i], name))
			return refuse_loop(trail, name, e);
	}
	if (trail->n == ALIAS_DEPTH_MAX)
		return refuse_loop(trail, name, e);
	(void)text_format(trail->names[trail->n++], ADDR_SIZE, "%s", name);
	for (i = 0; i < n; i++) {
		if (follow_value(env, rules, &found[i], trail, e) == -1)
			return -1;
	}
	trail->n--;
	trail->caught = was_caught;
	return 0;
}

int
envelope_add(struct envelope *env, const struct envelope_rules *rules, const struct addr_box *box,
	struct err *e)
{
	struct trail trail;

	trail.n = 0;
	trail.caught = false;
	if (box->null)
		return err_set(e, ERR_DATA, "<> can't be a recipient");
	return follow(env, rules, box, &trail, e);
}

/* Local parts with case, domains without; equal addresses by their place, so that order stays. */
static int
compare(const struct rcpt *a, const struct rcpt *b)
{
	const char *at_a = strrchr(a->address, '@'), *at_b = strrchr(b->address, '@');
	size_t na = at_a != NULL ? (size_t)(at_a - a->address) : strlen(a->address);
	size_t nb = at_b != NULL ? (size_t)(at_b - b->address) : strlen(b->address);
	const char *p = a->address + na, *q = b->address + nb;
	int local = memcmp(a->address, b->address, na < nb ? na : nb);

	if (local != 0 || na != nb)
		return local != 0 ? local : (na < nb ? -1 : 1);
	while (*p != '\0' && text_lower(*p) == text_lower(*q)) {
		p++;
		q++;
	}
	return (unsigned char)text_lower(*p) - (unsigned char)text_lower(*q);
}

static int
compare_places(const void *a, const void *b)
{
	const struct rcpt *x = *(const struct rcpt *const *)a;
	const struct rcpt *y = *(const struct rcpt *const *)b;
	int order = compare(x, y);

	return order != 0 ? order : (x > y) - (x < y);
}

int
envelope_unique(struct envelope *env, struct err *e)
{
	struct rcpt **sorted;
	size_t i, kept = 0;

	if (env->n < 2)
		return 0;
	sorted = malloc(env->n * sizeof(struct rcpt *));
	if (sorted == NULL)
		return err_set(e, ERR_SYSTEM, "no memory for the recipients");
	for (i = 0; i < env->n; i++)
		sorted[i] = &env->rcpts[i];
	qsort(sorted, env->n, sizeof(struct rcpt *), compare_places);
	/* From the back, so that each is compared with one that still has its address. */
	for (i = env->n - 1; i > 0; i--) {
		if (compare(sorted[i - 1], sorted[i]) == 0) {
			free(sorted[i]->address);
			sorted[i]->address = NULL;
		}
	}
	free(sorted);
	for (i = 0; i < env->n; i++) {
		if (env->rcpts[i].address != NULL)
			env->rcpts[kept++] = env->rcpts[i];
	}
	env->n = kept;
	return 0;
}

size_t
envelope_count(const struct envelope *env, enum rcpt_fate fate)
{
	size_t count = 0, i;

	for (i = 0; i < env->n; i++)
		count += env->rcpts[i].fate == fate;
	return count;
}

size_t
envelope_left(const struct envelope *env)
{
	return envelope_count(env, RCPT_OPEN) + envelope_count(env, RCPT_DEFERRED);
}

void
envelope_move(struct envelope *env, enum rcpt_fate from, enum rcpt_fate to)
{
	size_t i;

	for (i = 0; i < env->n; i++) {
		if (env->rcpts[i].fate == from)
			env->rcpts[i].fate = to;
	}
}

void
envelope_decide(struct rcpt *r, enum rcpt_fate fate, int code, const char *reply)
{
	r->fate = fate;
	r->by_rcpt = false;
	r->code = code;
	free(r->reply);
	r->reply = reply != NULL ? text_copy(reply, strlen(reply)) : NULL;
}

const char *
envelope_eight_bit(const struct envelope *env)
{
	size_t i, k;

	for (k = 0; env->from[k] != '\0'; k++) {
		if ((unsigned char)env->from[k] > 0x7f)
			return env->from;
	}
	for (i = 0; i < env->n; i++) {
		for (k = 0; env->rcpts[i].address[k] != '\0'; k++) {
			if ((unsigned char)env->rcpts[i].address[k] > 0x7f)
				return env->rcpts[i].address;
		}
	}
	return NULL;
}
