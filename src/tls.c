/* SPDX-License-Identifier: ISC */
/* tls.c: a verified TLS 1.2 client stream over a wire. Knows no SMTP. */
#include "tls.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/*
 * ECDHE with AEAD only: forward secrecy, and no MAC-then-encrypt. Offered in this order where the CPU
 * has AES, and from CHACHA on, in a circle, where it hasn't.
 */
static const struct {
	uint16_t number;
	const char *words;
} suites[] = {
	{BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       "TLSv1.2/ECDHE-ECDSA-AES128-GCM-SHA256"},
	{BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,         "TLSv1.2/ECDHE-RSA-AES128-GCM-SHA256"  },
	{BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       "TLSv1.2/ECDHE-ECDSA-AES256-GCM-SHA384"},
	{BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,         "TLSv1.2/ECDHE-RSA-AES256-GCM-SHA384"  },
	{BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "TLSv1.2/ECDHE-ECDSA-CHACHA20-POLY1305"},
	{BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,   "TLSv1.2/ECDHE-RSA-CHACHA20-POLY1305"  },
};

#define CHACHA 4

#define SUITES (sizeof(suites) / sizeof(suites[0]))

static br_ssl_engine_context *
engine(struct tls *t)
{
	return &t->client.eng;
}

static unsigned char *
tls_room(void *ctx, size_t *n)
{
	unsigned char *at = br_ssl_engine_sendapp_buf(engine(ctx), n);

	if (at == NULL)
		*n = 0;
	return at;
}

static void
tls_put(void *ctx, size_t n)
{
	br_ssl_engine_sendapp_ack(engine(ctx), n);
}

static const unsigned char *
tls_input(void *ctx, size_t *n)
{
	const unsigned char *at = br_ssl_engine_recvapp_buf(engine(ctx), n);

	if (at == NULL)
		*n = 0;
	return at;
}

static void
tls_got(void *ctx, size_t n)
{
	br_ssl_engine_recvapp_ack(engine(ctx), n);
}

/* Something waits to be written: the engine's record, or small ones that lie together already. */
static bool
has_records(const struct tls *t, unsigned state)
{
	return t->out_len > 0 || (state & BR_SSL_SENDREC) != 0;
}

static bool
has(const struct tls *t, unsigned state, enum wire_want want)
{
	switch (want) {
	case WIRE_ROOM:
		return (state & BR_SSL_SENDAPP) != 0;
	case WIRE_FLUSHED:
		return !has_records(t, state);
	case WIRE_INPUT:
	case WIRE_PEEK:
		return (state & BR_SSL_RECVAPP) != 0;
	}
	return false;
}

/* The engine makes one record at a time; small ones that it has ready one after the other lie together. */
static void
gather_records(struct tls *t)
{
	const unsigned char *at;
	size_t n;

	while ((at = br_ssl_engine_sendrec_buf(engine(t), &n)) != NULL &&
		n <= sizeof(t->out) - t->out_len) {
		memcpy(t->out + t->out_len, at, n);
		t->out_len += n;
		br_ssl_engine_sendrec_ack(engine(t), n);
	}
}

/* Returns the bytes sent, 0 where it would block, -1. */
static ssize_t
send_records(struct tls *t)
{
	const unsigned char *at;
	ssize_t sent;
	size_t n;

	gather_records(t);
	if (t->out_len > 0) {
		sent = net_write(t->net, t->out, t->out_len);
		if (sent > 0) {
			t->out_len -= (size_t)sent;
			memmove(t->out, t->out + sent, t->out_len);
		}
		return sent;
	}
	at = br_ssl_engine_sendrec_buf(engine(t), &n);
	sent = net_write(t->net, at, n);
	if (sent > 0)
		br_ssl_engine_sendrec_ack(engine(t), (size_t)sent);
	return sent;
}

/* The engine asks for a record's five bytes, then for the rest: what is near is read with them. */
static int
receive_records(struct tls *t)
{
	size_t n;
	unsigned char *at = br_ssl_engine_recvrec_buf(engine(t), &n);
	ssize_t got;

	if (t->ahead_len == 0 && n < sizeof(t->ahead)) {
		got = net_read(t->net, t->ahead, sizeof(t->ahead));
		if (got <= 0)
			return (int)got;
		t->ahead_at = 0;
		t->ahead_len = (size_t)got;
	}
	if (t->ahead_len > 0) {
		n = n < t->ahead_len ? n : t->ahead_len;
		memcpy(at, t->ahead + t->ahead_at, n);
		t->ahead_at += n;
		t->ahead_len -= n;
		got = (ssize_t)n;
	} else
		got = net_read(t->net, at, n);
	if (got > 0)
		br_ssl_engine_recvrec_ack(engine(t), (size_t)got);
	return got == -1 ? -1 : 0;
}

/* The engine is at its end: by close_notify (no error), or by a fault that it found. */
static int
end_of_stream(struct tls *t)
{
	int number = br_ssl_engine_last_error(engine(t));

	if (t->net->fault.kind == NET_FINE) {
		t->net->fault.kind = number == BR_ERR_OK ? NET_EOF : NET_TLS;
		t->net->fault.number = number;
	}
	return -1;
}

/* A look reads what one record may be, by 4 KiB each, and more. */
#define AT_ONCE_TURNS 16

static int
tls_pump(void *ctx, enum wire_want want, int64_t deadline)
{
	struct tls *t = ctx;
	bool blocked = false, sends;
	unsigned state, turns = 0;
	int ready;

	if (want == WIRE_FLUSHED)
		br_ssl_engine_flush(engine(t), 0);
	for (;;) {
		short events = 0;

		state = br_ssl_engine_current_state(engine(t));
		if (state == BR_SSL_CLOSED)
			return end_of_stream(t);
		if (has(t, state, want))
			return 0;
		/* What is read already, and what may be sent at once, needs no waiting. */
		if ((state & BR_SSL_RECVREC) != 0 && t->ahead_len > 0) {
			if (receive_records(t) == -1)
				return -1;
			continue;
		}
		if (t->writing_over && want != WIRE_INPUT && want != WIRE_PEEK)
			return -1;
		sends = has_records(t, state) && !t->writing_over && want != WIRE_PEEK;
		if (sends && !blocked) {
			ssize_t sent = send_records(t);

			t->writing_over = sent == -1;
			blocked = sent == 0;
			continue;
		}
		if (sends)
			events |= POLLOUT;
		if ((state & BR_SSL_RECVREC) != 0)
			events |= POLLIN;
		if (events == 0 && want == WIRE_PEEK)
			return -1;
		/* Only a farewell is left to send, and nobody takes it. */
		if (events == 0)
			return end_of_stream(t);
		/* Without a deadline a peer whose records are empty would hold us as long as he likes. */
		if (deadline == NET_AT_ONCE && ++turns > AT_ONCE_TURNS) {
			t->net->fault.kind = NET_TIMEOUT;
			return -1;
		}
		ready = net_wait(t->net, events, deadline);
		if (ready == -1)
			return -1;
		if ((ready & POLLIN) != 0 && receive_records(t) == -1)
			return -1;
		blocked = blocked && (ready & POLLOUT) == 0;
	}
}

static const struct wire_ops tls_ops = {tls_room, tls_put, tls_input, tls_got, tls_pump};

/*
 * By hand where BearSSL's defaults aren't the best that Debian's build has. Of what runs without the
 * CPU's help the variants for 32 bits are as fast or faster, and 3 KB smaller; and the compiler's
 * ChaCha20 beats the one written for SSE2 by half. 25 MB on one machine: AES 233 ms to ct64's 314,
 * ChaCha20-Poly1305 43 ms to 65.
 */
static void
set_up_records(br_ssl_engine_context *eng)
{
	const br_block_ctr_class *aes = br_aes_x86ni_ctr_get_vtable();
	br_ghash ghash = br_ghash_pclmul_get();

	br_ssl_engine_set_gcm(eng, &br_sslrec_in_gcm_vtable, &br_sslrec_out_gcm_vtable);
	br_ssl_engine_set_aes_ctr(eng, aes != NULL ? aes : &br_aes_ct_ctr_vtable);
	br_ssl_engine_set_ghash(eng, ghash != NULL ? ghash : br_ghash_ctmul64);
	br_ssl_engine_set_chapol(eng, &br_sslrec_in_chapol_vtable, &br_sslrec_out_chapol_vtable);
	br_ssl_engine_set_chacha20(eng, br_chacha20_ct_run);
	br_ssl_engine_set_poly1305(eng, br_poly1305_ctmul_run);
}

/* By hand: br_ssl_client_init_full would offer 3DES, static RSA and TLS 1.0 besides. */
static void
set_up(struct tls *t)
{
	br_ssl_engine_context *eng = engine(t);
	uint16_t numbers[SUITES];
	size_t i, first = br_aes_x86ni_ctr_get_vtable() != NULL ? 0 : CHACHA;

	br_ssl_client_zero(&t->client);
	br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
	for (i = 0; i < SUITES; i++)
		numbers[i] = suites[(first + i) % SUITES].number;
	br_ssl_engine_set_suites(eng, numbers, SUITES);
	br_ssl_engine_add_flags(eng, BR_OPT_NO_RENEGOTIATION);
	br_ssl_engine_set_default_rsavrfy(eng);
	br_ssl_engine_set_default_ecdsa(eng); /* brings the curves as well */
	br_ssl_engine_set_hash(eng, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(eng, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_hash(eng, br_sha512_ID, &br_sha512_vtable);
	br_ssl_engine_set_prf_sha256(eng, br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(eng, br_tls12_sha384_prf);
	set_up_records(eng);
	br_ssl_engine_set_x509(eng, &t->chain.vtable);
	br_ssl_engine_set_buffer(eng, t->records, sizeof(t->records), 1);
}

/* BearSSL 0.6 seeds itself from RDRAND alone, where there is one: give it the kernel's. */
static int
add_entropy(struct tls *t, struct err *e)
{
	unsigned char seed[32];

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return err_errno(e, ERR_SYSTEM, "no random bytes from the kernel");
	br_ssl_engine_inject_entropy(engine(t), seed, sizeof(seed));
	text_wipe(seed, sizeof(seed));
	return 0;
}

/* RFC 6066 3: the name that the server is asked for; an address isn't one. */
static const char *
sni_name(const char *name, char *buf, size_t size)
{
	unsigned char address[16];
	size_t n = strlen(name);

	if (n >= size || name[0] == '[' || inet_pton(AF_INET, name, address) == 1 ||
		inet_pton(AF_INET6, name, address) == 1)
		return NULL;
	memcpy(buf, name, n + 1);
	if (n > 0 && buf[n - 1] == '.')
		buf[n - 1] = '\0';
	return buf;
}

int
tls_start(struct tls *t, struct wire *w, const struct tls_options *options, int64_t deadline,
	struct err *e)
{
	const char *name = options->policy.name;
	char sni[256];

	t->net = w->net;
	t->ahead_len = t->out_len = 0;
	t->writing_over = false;
	chain_init(&t->chain, &options->policy, e);
	if (name[0] == '\0')
		return err_set(e, ERR_FAULT, "TLS without a name to expect");
	if (!wire_switch(w, &tls_ops, t))
		return err_set(e, ERR_TLS,
			"it sent bytes in clear where TLS begins (is this the right port?): "
			"somebody may be in between");
	set_up(t);
	if (options->client != NULL)
		keypair_use(options->client, &t->client);
	if (add_entropy(t, e) == -1)
		return -1;
	if (br_ssl_client_reset(&t->client, sni_name(name, sni, sizeof(sni)), 0) != 1)
		return err_set(e, ERR_FAULT, "TLS can't be started: %s",
			tls_fault_words(br_ssl_engine_last_error(engine(t))));
	if (tls_pump(t, WIRE_ROOM, deadline) == 0)
		return 0;
	/* A certificate's fault has its own words in e already; a cut line is the caller's to tell. */
	if (w->net->fault.kind == NET_TLS)
		(void)err_set(e, ERR_TLS, "TLS failed: %s", tls_fault_words(w->net->fault.number));
	chain_free(&t->chain);
	return -1;
}

const char *
tls_words(const struct tls *t)
{
	size_t i;

	for (i = 0; i < SUITES; i++) {
		if (suites[i].number == t->client.eng.session.cipher_suite)
			return suites[i].words;
	}
	return "TLSv1.2";
}

void
tls_close(struct tls *t, bool flushes)
{
	if (flushes) {
		br_ssl_engine_flush(engine(t), 0);
		gather_records(t);
	}
	br_ssl_engine_close(engine(t));
	if (has_records(t, br_ssl_engine_current_state(engine(t))))
		(void)send_records(t);
	chain_free(&t->chain);
	text_wipe(&t->client, sizeof(t->client));
}
