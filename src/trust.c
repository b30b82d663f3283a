/* SPDX-License-Identifier: ISC */
/* trust.c: the roots that a server's chain may end in. Opens files, never the network. */
#include "trust.h"
#include "pem.h"
#include "roots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So much of a certificate's base64 holds its names, mostly: 378 bytes, with its line ends. */
#define HEAD_DIGITS 512

/* A folder with more files than these holds no CA certificates alone. */
#define FILES_MAX 4096

/* Where distributions keep their bundle: Debian and Alpine, Red Hat, SUSE, BSD-like. */
static const char *const system_bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

void
trust_init(struct trust *t)
{
	t->n = 0;
	t->where = "";
	t->unfit.n = 0;
	t->expired = 0;
}

void
trust_free(struct trust *t)
{
	while (t->n > 0)
		free(t->ders[--t->n]);
}

/* What a walk over a bundle needs. */
struct search {
	struct trust *trust;
	const struct cert_bytes *issuers;
	size_t n;
	size_t seen; /* certificates */
	bool no_memory;
};

/* True where there is room for a root of this date; an expired one is remembered for its words. */
static bool
is_fresh(struct trust *t, struct cert_bytes subject, time_t not_after)
{
	if (not_after >= time(NULL))
		return t->n < TRUST_ROOTS_MAX;
	t->unfit = subject;
	t->fault = NULL;
	t->expired = not_after;
	return false;
}

/* The one of the issuers that this is, with memory that lasts; or n == 0. */
static struct cert_bytes
wanted_name(const struct search *s, struct cert_bytes subject)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		if (cert_same_bytes(subject, s->issuers[i]))
			return s->issuers[i];
	}
	return (struct cert_bytes){NULL, 0};
}

/* Keeps one certificate, if it is a root that we want. */
static void
consider(struct search *s, const unsigned char *der, size_t n)
{
	struct trust *t = s->trust;
	br_x509_trust_anchor *root = &t->roots[t->n];
	struct cert_bytes name;
	unsigned char *copy;
	const char *fault;
	struct cert c;

	if (!cert_parse(&c, der, n))
		return;
	name = wanted_name(s, c.subject);
	if (name.n == 0 || !is_fresh(t, name, c.not_after))
		return;
	copy = malloc(n);
	if (copy == NULL) {
		s->no_memory = true;
		return;
	}
	memcpy(copy, der, n);
	fault = cert_parse(&c, copy, n) ? trust_key(c.key, &root->pkey) : "";
	if (fault != NULL) {
		t->unfit = name;
		t->fault = fault;
		free(copy);
		return;
	}
	/* BearSSL takes these bytes as they are; the copy lives as long as the root. */
	root->dn.data = (unsigned char *)c.subject.at;
	root->dn.len = c.subject.n;
	root->flags = c.is_ca ? BR_X509_TA_CA : 0;
	if (!c.is_ca) {
		t->unfit = name;
		t->fault = "is no CA: it may not issue any other";
	}
	t->ders[t->n++] = copy;
}

/*
 * Decoding a whole bundle would cost more than all the rest of a run: the names stand in the first
 * bytes, and what they rule out is not decoded further.
 */
static bool
visit(void *ctx, const struct pem_block *block)
{
	struct search *s = ctx;
	unsigned char der[PEM_DER_MAX];
	struct cert_bytes subject;
	struct pem_block head = *block;
	long n;

	if (!pem_is(block, "CERTIFICATE") && !pem_is(block, "TRUSTED CERTIFICATE") &&
		!pem_is(block, "X509 CERTIFICATE"))
		return true;
	head.body_len = head.body_len < HEAD_DIGITS ? head.body_len : HEAD_DIGITS;
	n = pem_decode(&head, der, sizeof(der));
	/* A cut in the middle of four digits is no end of base64: then the whole is looked at. */
	if (n > 0 && cert_peek_subject(der, (size_t)n, &subject) &&
		wanted_name(s, subject).n == 0) {
		s->seen++;
		return true;
	}
	n = pem_decode(block, der, sizeof(der));
	s->seen += n > 0;
	if (n > 0)
		consider(s, der, (size_t)n);
	return !s->no_memory;
}

static int
search_file(struct search *s, int fd, const char *path, struct err *e)
{
	if (pem_read(fd, visit, s) == -1)
		return err_errno(e, ERR_CONFIG, "tls_trust: cannot read %s", path);
	if (s->no_memory)
		return err_set(e, ERR_SYSTEM, "no memory for the roots in %s", path);
	return 0;
}

/* Each regular file of a folder; one that can't be opened isn't there. */
static int
search_folder(struct search *s, int fd, const char *path, struct err *e)
{
	DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	struct stat st;
	int file, result = 0;
	size_t count = 0;

	if (folder == NULL)
		return err_errno(e, ERR_CONFIG, "tls_trust: cannot read the folder %s", path);
	while (result == 0 && count++ < FILES_MAX && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		file = openat(
			dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (file == -1)
			continue;
		if (fstat(file, &st) == 0 && S_ISREG(st.st_mode))
			result = search_file(s, file, path, e);
		(void)close(file);
	}
	(void)closedir(folder);
	return result;
}

static size_t
number(const unsigned char *at, size_t n)
{
	size_t value = 0;

	while (n > 0)
		value = value << 8 | at[--n];
	return value;
}

/* The key of a record; false where the record isn't whole. */
static bool
take_key(const unsigned char *record, size_t n, br_x509_pkey *key)
{
	static const unsigned char f4[] = {1, 0, 1};
	static const int curve[] = {[ROOTS_P256] = BR_EC_secp256r1,
		[ROOTS_P384] = BR_EC_secp384r1,
		[ROOTS_P521] = BR_EC_secp521r1};
	unsigned char *at = (unsigned char *)record + ROOTS_HEAD;
	unsigned kind = record[6];

	if (kind > ROOTS_P521)
		return false;
	if (kind >= ROOTS_P256) {
		key->key_type = BR_KEYTYPE_EC;
		key->key.ec = (br_ec_public_key){curve[kind], at, n};
		return true;
	}
	key->key_type = BR_KEYTYPE_RSA;
	key->key.rsa = (br_rsa_public_key){at, n, (unsigned char *)f4, sizeof(f4)};
	if (kind == ROOTS_RSA)
		key->key.rsa = (br_rsa_public_key){at + 1 + at[0], n - 1 - at[0], at + 1, at[0]};
	return true;
}

/* Those compiled in. What we made ourselves at build time is whole: no record runs over the end. */
static void
search_builtin(struct search *s)
{
	const unsigned char *at = roots_list, *end = roots_list + roots_size;
	struct trust *t = s->trust;
	uint32_t marks[TRUST_ISSUERS_MAX];
	size_t i, n;

	for (i = 0; i < s->n; i++)
		marks[i] = roots_mark(s->issuers[i]);
	for (; at < end; at += ROOTS_HEAD + n) {
		n = number(at + 7, 2);
		for (i = 0; i < s->n && marks[i] != number(at, 4); i++)
			;
		if (i == s->n || !is_fresh(t, s->issuers[i], (time_t)number(at + 4, 2) * 86400) ||
			!take_key(at, n, &t->roots[t->n].pkey))
			continue;
		t->roots[t->n].dn.data = (unsigned char *)s->issuers[i].at;
		t->roots[t->n].dn.len = s->issuers[i].n;
		t->roots[t->n].flags = BR_X509_TA_CA;
		t->ders[t->n++] = NULL;
	}
}

const char *
trust_where(const char *source)
{
	bool system = source == NULL || strcmp(source, "system") == 0;
	size_t i;

	if (!system)
		return source[0] == '/' ? source : NULL;
	for (i = 0; i < sizeof(system_bundles) / sizeof(system_bundles[0]); i++) {
		if (access(system_bundles[i], F_OK) == 0)
			return system_bundles[i];
	}
	return NULL;
}

/* The file or folder that the source means; -2: those compiled in. */
static int
open_source(struct trust *t, const char *source, struct err *e)
{
	bool any = source == NULL, system = any || strcmp(source, "system") == 0;
	size_t i;
	int fd;

	t->where = "the roots compiled in";
	if (!any && strcmp(source, "builtin") == 0)
		return -2;
	if (!system) {
		t->where = source;
		fd = open(source, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		return fd != -1 ? fd
				: err_errno(e, ERR_CONFIG, "tls_trust: cannot open %s", source);
	}
	for (i = 0; i < sizeof(system_bundles) / sizeof(system_bundles[0]); i++) {
		fd = open(system_bundles[i], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		t->where = system_bundles[i];
		if (fd != -1)
			return fd;
		/* One that is there and can't be read is not passed over for other roots. */
		if (errno != ENOENT && errno != ENOTDIR)
			return err_errno(e, ERR_CONFIG, "cannot open the roots in %s", t->where);
	}
	t->where = "the roots compiled in";
	if (any)
		return -2;
	return err_set(e, ERR_CONFIG,
		"no CA bundle on this system: install ca-certificates, or write tls_trust = "
		"builtin, or name one");
}

int
trust_find(struct trust *t, const char *source, const struct cert_bytes *issuers, size_t n,
	struct err *e)
{
	struct search s = {.trust = t, .issuers = issuers, .n = n};
	struct stat st;
	int fd = open_source(t, source, e), result;

	if (fd == -1)
		return -1;
	if (fd == -2) {
		search_builtin(&s);
		return 0;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		result = search_folder(&s, fd, t->where, e); /* it closes fd */
	else {
		result = search_file(&s, fd, t->where, e);
		(void)close(fd);
	}
	if (result == 0 && s.seen == 0)
		return err_set(
			e, ERR_CONFIG, "tls_trust: %s holds no certificate in PEM form", t->where);
	return result;
}

bool
trust_has(const struct trust *t, struct cert_bytes subject, bool as_issuer)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		if ((!as_issuer || (t->roots[i].flags & BR_X509_TA_CA) != 0) &&
			cert_same_bytes(subject,
				(struct cert_bytes){t->roots[i].dn.data, t->roots[i].dn.len}))
			return true;
	}
	return false;
}
