/* SPDX-License-Identifier: ISC */
/* sasl.c: the mechanisms of SASL, by table: what to say to which challenge. Knows no dialogue. */
#include "sasl.h"

#include <string.h>

static int
out_of_turn(struct err *e)
{
	return err_set(e, ERR_TEMP, "a challenge out of turn");
}

/* RFC 4422 A: whom to act as; the certificate says who we are. */
static int
external(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	(void)challenge;
	(void)n;
	x->done = true;
	text_puts(out, x->who->user);
	return x->round == 0 ? 0 : out_of_turn(e);
}

/* RFC 4616: authzid NUL authcid NUL passwd. */
static int
plain(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	(void)challenge;
	(void)n;
	x->done = true;
	text_char(out, '\0');
	text_puts(out, x->who->user);
	text_char(out, '\0');
	text_puts(out, x->who->password);
	return x->round == 0 ? 0 : out_of_turn(e);
}

/* No RFC: two prompts, whose words vary from server to server and don't matter. */
static int
login(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	(void)challenge;
	(void)n;
	x->done = x->round == 1;
	text_puts(out, x->round == 0 ? x->who->user : x->who->password);
	return x->round < 2 ? 0 : out_of_turn(e);
}

/* RFC 2195: the user, a blank, and the challenge's HMAC-MD5 in hexadecimal digits. */
static int
cram_md5(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	unsigned char digest[br_md5_SIZE];
	br_hmac_key_context kc;
	br_hmac_context ctx;
	size_t i;

	x->done = true;
	if (x->round > 0 || n == 0)
		return out_of_turn(e);
	br_hmac_key_init(&kc, &br_md5_vtable, x->who->password, strlen(x->who->password));
	br_hmac_init(&ctx, &kc, 0);
	br_hmac_update(&ctx, challenge, n);
	br_hmac_out(&ctx, digest);
	text_wipe(&kc, sizeof(kc));
	text_puts(out, x->who->user);
	text_char(out, ' ');
	for (i = 0; i < sizeof(digest); i++)
		text_printf(out, "%02x", digest[i]);
	return 0;
}

/* Text in quotes, without them; an escape becomes its letter, \u an unknown one. */
static const char *
json_text(const char *at, const char *end, struct text *out)
{
	size_t len;

	for (; at < end && *at != '"'; at += len) {
		len = text_utf8(at, (size_t)(end - at));
		len = len == 0 ? 1 : len;
		if (*at == '\\' && at + 1 < end) {
			at++;
			text_masked(out, text_is_alnum(*at) ? "?" : at, 1);
		} else
			text_masked(out, at, len);
	}
	return at < end ? at + 1 : end;
}

/* The JSON object of a refused token (RFC 7628 3.2.2) as "key value, key value". */
static void
json_words(const char *at, size_t n, struct text *out)
{
	const char *end = at + n;

	while (at < end && !out->cut) {
		if (*at == '"')
			at = json_text(at + 1, end, out);
		else {
			if (*at == ':')
				text_char(out, ' ');
			else if (*at == ',')
				text_puts(out, ", ");
			else if (text_is_alnum(*at) || *at == '.' || *at == '-')
				text_char(out, *at);
			at++;
		}
	}
}

/* Both ways to show a bearer token; a challenge behind it is the refusal, which wants an answer. */
static int
bearer(struct sasl *x, const char *challenge, size_t n, const char *farewell, struct err *e,
	struct text *out)
{
	if (x->round > 1)
		return out_of_turn(e);
	json_words(challenge, n, &x->words);
	x->done = false;
	text_puts(out, farewell);
	return 0;
}

/* RFC 7628 3.1 */
static int
oauthbearer(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	if (x->round > 0)
		return bearer(x, challenge, n, "\1", e, out);
	x->done = true;
	text_puts(out, "n,a=");
	scram_put_name(out, x->who->user);
	text_printf(out, ",\1host=%s\1port=%u\1auth=Bearer %s\1\1", x->who->host, x->who->port,
		x->who->token);
	return 0;
}

/* Google's and Microsoft's, older than the RFC. */
static int
xoauth2(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	if (x->round > 0)
		return bearer(x, challenge, n, "", e, out);
	x->done = true;
	text_printf(out, "user=%s\1auth=Bearer %s\1\1", x->who->user, x->who->token);
	return 0;
}

static int
scram(struct sasl *x, const br_hash_class *hash, const char *challenge, size_t n, struct text *out,
	struct err *e)
{
	const struct sasl_identity *who = x->who;
	bool plus = x->mechanism->need == SASL_BOUND_PASSWORD;

	switch (x->round) {
	case 0:
		if (scram_start(&x->scram, hash, who->user, who->password, who->end_point,
			    plus ? who->end_point_len : 0, e) == -1)
			return -1;
		scram_first(&x->scram, out);
		return 0;
	case 1:
		return scram_final(&x->scram, challenge, n, out, e);
	case 2:
		x->done = true;
		return scram_check(&x->scram, challenge, n, e);
	default:
		return out_of_turn(e);
	}
}

static int
scram_sha_1(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	return scram(x, &br_sha1_vtable, challenge, n, out, e);
}

static int
scram_sha_256(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	return scram(x, &br_sha256_vtable, challenge, n, out, e);
}

/*
 * In the order of `auto` where the server is known: there the password is safe on its way, and
 * PLAIN costs one round trip where SCRAM costs three. Where it isn't, those that hide it go first.
 */
static const struct sasl_mechanism mechanisms[] = {
	{"EXTERNAL",           SASL_CERTIFICATE,    false, false, false, external     },
	{"OAUTHBEARER",        SASL_TOKEN,          false, false, false, oauthbearer  },
	{"XOAUTH2",            SASL_TOKEN,          false, false, false, xoauth2      },
	{"PLAIN",              SASL_PASSWORD,       false, false, false, plain        },
	{"LOGIN",              SASL_PASSWORD,       true,  false, false, login        },
	{"SCRAM-SHA-256",      SASL_PASSWORD,       false, true,  false, scram_sha_256},
	{"SCRAM-SHA-1",        SASL_PASSWORD,       false, true,  false, scram_sha_1  },
	{"SCRAM-SHA-256-PLUS", SASL_BOUND_PASSWORD, false, true,  true,  scram_sha_256},
	{"CRAM-MD5",           SASL_PASSWORD,       true,  true,  true,  cram_md5     },
};

#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]))

const struct sasl_mechanism *
sasl_nth(size_t n)
{
	return n < MECHANISMS ? &mechanisms[n] : NULL;
}

const struct sasl_mechanism *
sasl_named(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < MECHANISMS; i++) {
		if (text_same_n(name, n, mechanisms[i].name))
			return &mechanisms[i];
	}
	return NULL;
}

bool
sasl_can(const struct sasl_mechanism *m, const struct sasl_identity *who)
{
	if (m->need == SASL_CERTIFICATE)
		return who->has_certificate;
	if (m->need == SASL_TOKEN)
		return who->token[0] != '\0';
	return who->password[0] != '\0' &&
	       (m->need != SASL_BOUND_PASSWORD || who->end_point_len > 0);
}

void
sasl_start(struct sasl *x, const struct sasl_mechanism *m, const struct sasl_identity *who)
{
	*x = (struct sasl){.mechanism = m, .who = who};
	text_fixed(&x->words, x->words_buf, sizeof(x->words_buf));
}

int
sasl_answer(struct sasl *x, const char *challenge, size_t n, struct text *out, struct err *e)
{
	int result = x->mechanism->answer(x, challenge, n, out, e);

	x->round++;
	if (result == 0 && out->cut)
		return err_set(e, ERR_SYSTEM, "no memory for the log-in, or it is too long");
	return result;
}

void
sasl_end(struct sasl *x)
{
	text_wipe(&x->scram, sizeof(x->scram));
}
