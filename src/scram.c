/* SPDX-License-Identifier: ISC */
/* scram.c: the client's half of SCRAM (RFC 5802, RFC 7677), as text. Knows no dialogue. */
#include "scram.h"

#include <string.h>
#include <sys/random.h>

#define SALT_MAX 1024

/* server-first-message, taken apart; the spans point into it. */
struct first {
	const char *nonce, *salt;
	size_t nonce_len, salt_len;
	long long iterations;
};

static size_t
hash_size(const br_hash_class *hash)
{
	return (hash->desc >> BR_HASHDESC_OUT_OFF) & BR_HASHDESC_OUT_MASK;
}

static void
hash_of(const br_hash_class *hash, const void *data, size_t n, unsigned char *out)
{
	br_hash_compat_context ctx;

	hash->init(&ctx.vtable);
	hash->update(&ctx.vtable, data, n);
	hash->out(&ctx.vtable, out);
}

static void
hmac_of(const br_hash_class *hash, const void *key, size_t key_len, const void *data, size_t n,
	unsigned char *out)
{
	br_hmac_key_context kc;
	br_hmac_context ctx;

	br_hmac_key_init(&kc, hash, key, key_len);
	br_hmac_init(&ctx, &kc, 0);
	br_hmac_update(&ctx, data, n);
	br_hmac_out(&ctx, out);
	text_wipe(&kc, sizeof(kc));
	text_wipe(&ctx, sizeof(ctx));
}

/* RFC 5802 2.2, Hi(): PBKDF2 with one block. */
static void
salt_password(const struct scram *s, const unsigned char *salt, size_t n, long long iterations,
	unsigned char *out)
{
	static const unsigned char one[] = {0, 0, 0, 1};
	unsigned char turn[32];
	br_hmac_key_context kc;
	br_hmac_context ctx;
	size_t size = hash_size(s->hash), i;

	br_hmac_key_init(&kc, s->hash, s->password, strlen(s->password));
	br_hmac_init(&ctx, &kc, 0);
	br_hmac_update(&ctx, salt, n);
	br_hmac_update(&ctx, one, sizeof(one));
	br_hmac_out(&ctx, turn);
	memcpy(out, turn, size);
	while (--iterations > 0) {
		br_hmac_init(&ctx, &kc, 0);
		br_hmac_update(&ctx, turn, size);
		br_hmac_out(&ctx, turn);
		for (i = 0; i < size; i++)
			out[i] ^= turn[i];
	}
	text_wipe(turn, sizeof(turn));
	text_wipe(&kc, sizeof(kc));
	text_wipe(&ctx, sizeof(ctx));
}

/* RFC 4013 2.3, as far as ASCII. */
static bool
has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		if (text_is_control(*s))
			return true;
	}
	return false;
}

int
scram_start(struct scram *s, const br_hash_class *hash, const char *user, const char *password,
	const unsigned char *end_point, size_t n, struct err *e)
{
	unsigned char noise[18];
	struct text nonce;

	if (has_control(user) || has_control(password))
		return err_set(e, ERR_CONFIG,
			"SCRAM takes no control character in a user name or a password");
	if (getrandom(noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
		return err_errno(e, ERR_SYSTEM, "no random bytes from the kernel");
	*s = (struct scram){.hash = hash, .user = user, .password = password, .end_point_len = n};
	(void)text_format(
		s->header, sizeof(s->header), "%s", n > 0 ? "p=tls-server-end-point,," : "n,,");
	memcpy(s->end_point, end_point, n);
	text_fixed(&nonce, s->nonce, sizeof(s->nonce));
	text_base64(&nonce, noise, sizeof(noise));
	return 0;
}

void
scram_put_name(struct text *out, const char *name)
{
	for (; *name != '\0'; name++) {
		if (*name == ',' || *name == '=')
			text_puts(out, *name == ',' ? "=2C" : "=3D");
		else
			text_char(out, *name);
	}
}

static void
first_bare(const struct scram *s, struct text *out)
{
	text_puts(out, "n=");
	scram_put_name(out, s->user);
	text_printf(out, ",r=%s", s->nonce);
}

void
scram_first(const struct scram *s, struct text *out)
{
	text_puts(out, s->header);
	first_bare(s, out);
}

/* "x=value" up to the comma; false where the next attribute is another. */
static bool
take(const char **at, const char *end, char name, const char **value, size_t *n)
{
	const char *comma;

	if (end - *at < 2 || (*at)[0] != name || (*at)[1] != '=')
		return false;
	*value = *at + 2;
	comma = memchr(*value, ',', (size_t)(end - *value));
	*n = (size_t)((comma != NULL ? comma : end) - *value);
	*at = comma != NULL ? comma + 1 : end;
	return true;
}

/* What is wrong with the server's first message, or NULL. */
static const char *
read_first(const struct scram *s, const char *at, size_t n, struct first *f)
{
	const char *end = at + n, *count;
	size_t own = strlen(s->nonce), count_len;
	char digits[12];

	if (n > 1 && at[0] == 'm')
		return "it asks for an extension of SCRAM that isn't known here";
	if (!take(&at, end, 'r', &f->nonce, &f->nonce_len) ||
		!take(&at, end, 's', &f->salt, &f->salt_len) ||
		!take(&at, end, 'i', &count, &count_len))
		return "it is no SCRAM challenge";
	if (f->nonce_len <= own || memcmp(f->nonce, s->nonce, own) != 0)
		return "its nonce isn't made from ours: somebody may be in between";
	if (!text_format(digits, sizeof(digits), "%.*s", (int)count_len, count))
		digits[0] = '\0';
	f->iterations = text_number(digits, 2147483647);
	if (f->iterations < SCRAM_ITERATIONS_MIN || f->iterations > SCRAM_ITERATIONS_MAX)
		return "its iteration count isn't between 4096 and 1000000";
	return NULL;
}

/* c=, the base64 of what binds us to the channel. */
static void
put_binding(const struct scram *s, struct text *out)
{
	unsigned char binding[sizeof(s->header) + sizeof(s->end_point)];
	size_t n = strlen(s->header);

	memcpy(binding, s->header, n);
	memcpy(binding + n, s->end_point, s->end_point_len);
	text_puts(out, "c=");
	text_base64(out, binding, n + s->end_point_len);
}

/* RFC 5802 3: the proof that we know the password, and the signature that shows that they do. */
static void
prove(struct scram *s, const unsigned char *salted, const struct text *message,
	unsigned char *proof)
{
	size_t size = hash_size(s->hash), i;
	unsigned char key[32], stored[32], server[32];

	hmac_of(s->hash, salted, size, "Client Key", 10, key);
	hash_of(s->hash, key, size, stored);
	hmac_of(s->hash, stored, size, message->at, message->len, proof);
	for (i = 0; i < size; i++)
		proof[i] ^= key[i];
	hmac_of(s->hash, salted, size, "Server Key", 10, server);
	hmac_of(s->hash, server, size, message->at, message->len, s->signature);
	text_wipe(key, sizeof(key));
	text_wipe(server, sizeof(server));
}

int
scram_final(struct scram *s, const char *challenge, size_t n, struct text *out, struct err *e)
{
	unsigned char salt[SALT_MAX], salted[32], proof[32];
	struct first f;
	struct text message; /* AuthMessage */
	const char *wrong = read_first(s, challenge, n, &f);
	long salt_len;

	if (wrong != NULL)
		return err_set(e, ERR_AUTH, "the server's answer can't be used: %s", wrong);
	salt_len = text_unbase64(f.salt, f.salt_len, salt, sizeof(salt));
	if (salt_len <= 0)
		return err_set(e, ERR_AUTH, "the server's answer can't be used: its salt is none");
	text_heap(&message, 16384);
	first_bare(s, &message);
	text_char(&message, ',');
	text_add(&message, challenge, n);
	text_char(&message, ',');
	put_binding(s, out);
	text_puts(out, ",r=");
	text_add(out, f.nonce, f.nonce_len);
	text_add(&message, out->at, out->len);
	if (message.cut) {
		text_free(&message);
		return err_set(e, ERR_SYSTEM, "no memory for the log-in, or it is too long");
	}
	salt_password(s, salt, (size_t)salt_len, f.iterations, salted);
	prove(s, salted, &message, proof);
	text_puts(out, ",p=");
	text_base64(out, proof, hash_size(s->hash));
	text_free(&message);
	text_wipe(salted, sizeof(salted));
	return 0;
}

int
scram_check(const struct scram *s, const char *challenge, size_t n, struct err *e)
{
	unsigned char signature[64];
	const char *at = challenge, *value;
	size_t size = hash_size(s->hash), value_len, i;
	unsigned differs = 0;

	if (take(&at, challenge + n, 'e', &value, &value_len))
		return err_set(e, ERR_AUTH, "the server says: %.*s",
			(int)(value_len < 200 ? value_len : 200), value);
	if (!take(&at, challenge + n, 'v', &value, &value_len) ||
		text_unbase64(value, value_len, signature, sizeof(signature)) != (long)size)
		return err_set(e, ERR_AUTH, "the server shows no signature");
	for (i = 0; i < size; i++)
		differs |= signature[i] ^ s->signature[i];
	return differs == 0 ? 0
			    : err_set(e, ERR_AUTH,
				      "the server's signature is wrong: it doesn't know the "
				      "password, so it is another");
}
