/* SPDX-License-Identifier: ISC */
/* sink.c: a submission server that takes every message, keeps none, and counts the round trips. */
/* It checks no password and says so to nobody: for loopback, and for measuring, only. */
/*
 * sink [-a ADDRESS] [-q MS] -c CHAIN.pem -k KEY.pem -d DIR NAME=OPTION,OPTION.. ..
 *
 * Each NAME is a listener of its own, on a free port of 127.0.0.1 and the same one of ::1 (or of
 * ADDRESS alone). OPTIONs: implicit (TLS from the first byte; else STARTTLS); pipelining,
 * chunking, auth, size, 8bitmime (what EHLO offers); pause (keeps the final reply back for 2 s,
 * so that many clients can be looked at while they wait). Without pipelining a command that comes
 * before the reply to the one before it ends the session, as at OpenSMTPD.
 *
 * DIR/ports   "NAME PORT" a line, there when all of them listen
 * DIR/log     one line a session, written at its end:
 *   listener=587 rt=9 rt_exit=9 accepted=yes messages=1 recipients=1 bytes=2048 content=BDAT
 *   bare=0 grouped=3 held=0 mechanism=PLAIN tls=TLSv1.2 cipher=ECDHE-RSA-AES128-GCM-SHA256
 *   ms=12 why=-
 * bytes are those of the last message's content, without the final dot; bare counts its LFs
 * without CR; grouped the commands that didn't wait for the reply before; held is explained below.
 *
 * How it counts. Replies are kept back until the client has been silent for -q MS (25), and
 * then leave together: a flight. Whoever is silent waits for it; what is sent without waiting
 * comes within that time and belongs to the same flight, as it would where the network is slow.
 * A bare ACK can be such a flight, too: a client that leaves Nagle's algorithm on keeps its second
 * small write back until the first is acknowledged. So ACKs are delayed, and where bytes come as
 * soon as one is sent, that is a round trip; held says how many of these there were.
 * So round trips are the flights of the server, and one for the TCP handshake. rt is what they
 * are with the reply to the content of the last message, rt_exit at the client's close; a 221
 * that the client doesn't wait for is never sent and never counted. -q 0 is for measuring speed:
 * replies leave as soon as nothing is there to be read, and rt is an upper bound. TLS 1.3
 * tickets aren't sent: nobody waits for them, and they would look like a flight.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LISTENERS 32
#define PATIENCE  300  /* seconds without a byte: a client under valgrind is slow */
#define PAUSE     2000 /* ms */
#define SEGMENT   1448 /* bytes in a packet as in an Ethernet: Nagle's algorithm looks at it */
#define RELEASE   10   /* ms in which bytes come that an ACK has set free */

enum option {
	IMPLICIT = 1,
	PIPELINING = 2,
	CHUNKING = 4,
	AUTH = 8,
	SIZE = 16,
	MIME8 = 32,
	PAUSED = 64,
};

static const struct {
	const char *name;
	enum option option;
	const char *offer; /* its EHLO line */
} options[] = {
	{"implicit",   IMPLICIT,   NULL              },
	{"pipelining", PIPELINING, "PIPELINING"      },
	{"chunking",   CHUNKING,   "CHUNKING"        },
	{"auth",       AUTH,       "AUTH PLAIN LOGIN"},
	{"size",       SIZE,       "SIZE 104857600"  },
	{"8bitmime",   MIME8,      "8BITMIME"        },
	{"pause",      PAUSED,     NULL              },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

struct listener {
	const char *name;
	unsigned options;
	int port;
	int fds[2]; /* -1: none */
};

struct session {
	const struct listener *on;
	int fd;
	SSL *ssl; /* NULL: in clear */
	struct timespec since;
	const char *why; /* it ended early */

	/* From the socket, to the socket; as they are on the wire. */
	char raw[262144];
	size_t raw_at, raw_end;
	char out[65536];
	size_t out_end;

	/* The same without TLS; replies that are kept back. */
	char text[65536];
	size_t text_at, text_end;
	char reply[49152];
	size_t reply_end;

	unsigned flights, held, rt, grouped, messages, recipients;
	bool final; /* the reply to a content is among those kept back */
	bool greeted, authenticated, mail;
	unsigned rcpts;
	const char *mechanism, *content;
	unsigned long long bytes, bare;
	int scan; /* where in the end of DATA it stands: scan_content */
	char last;
};

static int quiet = 25; /* ms */
static int log_fd = -1;
static SSL_CTX *context;
static BIO_METHOD *method;

static void
die(const char *what)
{
	fprintf(stderr, "sink: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* ---- the link: bytes as they are on the wire, and the counting ---- */

static bool
readable(const struct session *s, int ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

static bool
link_silent(const struct session *s)
{
	return s->raw_at == s->raw_end && !readable(s, quiet);
}

/* All that is kept back leaves: the one place where a flight is counted. */
static void
link_flush(struct session *s)
{
	size_t at = 0;
	ssize_t n;

	if (s->out_end == 0)
		return;
	s->flights++;
	for (; at < s->out_end; at += (size_t)n) {
		n = send(s->fd, s->out + at, s->out_end - at, MSG_NOSIGNAL);
		if (n <= 0) {
			s->why = "send failed";
			break;
		}
	}
	if (s->final && at == s->out_end) {
		s->rt = 1 + s->flights;
		s->messages++;
		s->final = false;
	}
	s->out_end = 0;
}

static void
link_put(struct session *s, const char *data, size_t n)
{
	size_t part;

	for (; n > 0; data += part, n -= part) {
		if (s->out_end == sizeof(s->out))
			link_flush(s);
		part = sizeof(s->out) - s->out_end;
		if (part > n)
			part = n;
		memcpy(s->out + s->out_end, data, part);
		s->out_end += part;
	}
}

/*
 * Nobody has anything to say but the client. If it was silent, and its bytes come at once when the
 * kernel acknowledges what came before, then they have waited for that (Nagle), a round trip long.
 */
static void
link_wait(struct session *s)
{
	int now = 1, later = 0;

	if (quiet == 0 || readable(s, quiet))
		return;
	setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof(now));
	if (readable(s, RELEASE)) {
		s->flights++;
		s->held++;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &later, sizeof(later));
}

/* Up to n bytes, waiting for at least one; 0 at the end. During a handshake flights leave here. */
static int
link_take(struct session *s, char *data, size_t n)
{
	ssize_t got;

	if (s->raw_at == s->raw_end) {
		if (s->out_end > 0 && link_silent(s))
			link_flush(s);
		else if (s->out_end + s->reply_end == 0 && s->flights > 0)
			link_wait(s);
		got = recv(s->fd, s->raw, sizeof(s->raw), 0);
		if (got <= 0)
			return 0;
		s->raw_at = 0;
		s->raw_end = (size_t)got;
	}
	if (n > s->raw_end - s->raw_at)
		n = s->raw_end - s->raw_at;
	memcpy(data, s->raw + s->raw_at, n);
	s->raw_at += n;
	return (int)n;
}

/* OpenSSL's view of the link. */

static int
bio_write(BIO *bio, const char *data, int n)
{
	link_put(BIO_get_data(bio), data, (size_t)n);
	return n;
}

static int
bio_read(BIO *bio, char *data, int n)
{
	return link_take(BIO_get_data(bio), data, (size_t)n);
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_PUSH || command == BIO_CTRL_POP;
}

/* ---- the session: text, in clear or by TLS ---- */

/* The replies, as one record, to what is kept back. */
static void
put(struct session *s)
{
	if (s->ssl == NULL)
		link_put(s, s->reply, s->reply_end);
	else if (s->reply_end > 0 && SSL_is_init_finished(s->ssl))
		(void)SSL_write(s->ssl, s->reply, (int)s->reply_end);
	s->reply_end = 0;
}

static void
flush(struct session *s)
{
	put(s);
	link_flush(s);
}

static void __attribute__((format(printf, 2, 3))) reply(struct session *s, const char *format, ...)
{
	va_list ap;
	int n;

	if (sizeof(s->reply) - s->reply_end < 1024)
		flush(s);
	va_start(ap, format);
	n = vsnprintf(s->reply + s->reply_end, 1024, format, ap);
	va_end(ap);
	s->reply_end += n < 1024 ? (size_t)n : 1023;
}

/* More text behind what is there; false at the end. */
static bool
fill(struct session *s)
{
	size_t room;
	int n;

	memmove(s->text, s->text + s->text_at, s->text_end - s->text_at);
	s->text_end -= s->text_at;
	s->text_at = 0;
	room = sizeof(s->text) - s->text_end;
	if (room == 0)
		return false;
	if (s->reply_end + s->out_end > 0 && (s->ssl == NULL || SSL_pending(s->ssl) == 0) &&
		link_silent(s))
		flush(s);
	if (s->ssl != NULL)
		n = SSL_read(s->ssl, s->text + s->text_end, (int)room);
	else
		n = link_take(s, s->text + s->text_end, room);
	if (n <= 0)
		return false;
	s->text_end += (size_t)n;
	return true;
}

/* A line without its end, in place, good until the next fill; NULL at the end. */
static char *
line(struct session *s)
{
	char *start, *end;

	for (;;) {
		start = s->text + s->text_at;
		end = memchr(start, '\n', s->text_end - s->text_at);
		if (end != NULL)
			break;
		if (!fill(s))
			return NULL;
	}
	s->text_at = (size_t)(end + 1 - s->text);
	*end = '\0';
	if (end > start && end[-1] == '\r')
		end[-1] = '\0';
	return start;
}

/* ---- content ---- */

/*
 * Looks at n bytes of content; returns how many belong to it, with the final dot. States: 0 in a
 * line, 1 at its beginning, 2 behind a dot there, 3 behind dot and CR, 4 the end.
 */
static size_t
scan_content(struct session *s, const char *data, size_t n)
{
	const char *p = data, *end = data + n, *lf;

	while (p < end && s->scan != 4) {
		if (s->scan == 0) {
			lf = memchr(p, '\n', (size_t)(end - p));
			if (lf == NULL)
				break;
			s->bare += (lf > data ? lf[-1] : s->last) != '\r';
			s->scan = 1;
			p = lf + 1;
		} else if (*p == ".\r\n"[s->scan - 1]) {
			s->scan++;
			p++;
		} else {
			s->scan = 0;
		}
	}
	if (s->scan != 4)
		p = end;
	if (p > data)
		s->last = p[-1];
	return (size_t)(p - data);
}

static void
accept_message(struct session *s, const char *how)
{
	struct timespec pause = {.tv_sec = PAUSE / 1000, .tv_nsec = PAUSE % 1000 * 1000000L};

	if (s->on->options & PAUSED)
		nanosleep(&pause, NULL);
	s->content = how;
	s->recipients = s->rcpts;
	s->rcpts = 0;
	s->mail = false;
	s->final = true;
	reply(s, "250 2.0.0 Ok: taken, and thrown away\r\n");
}

static bool
take_data(struct session *s)
{
	size_t n;

	s->bytes = s->bare = 0;
	s->scan = 1;
	s->last = '\n';
	if (s->text_at == s->text_end && !fill(s))
		return false;
	if (s->reply_end > 0) {
		s->why = "content before 354";
		return false;
	}
	for (;;) {
		n = scan_content(s, s->text + s->text_at, s->text_end - s->text_at);
		s->text_at += n;
		s->bytes += n;
		if (s->scan == 4)
			break;
		if (!fill(s))
			return false;
	}
	s->bytes -= 3;
	accept_message(s, "DATA");
	return true;
}

static bool
take_bdat(struct session *s, const char *argument)
{
	char *end;
	unsigned long long left = strtoull(argument, &end, 10);
	bool last = strcasecmp(end, " LAST") == 0;
	size_t n;

	if (s->content == NULL || strcmp(s->content, "BDAT begun") != 0) {
		s->bytes = s->bare = 0;
		s->last = '\n';
		s->content = "BDAT begun";
	}
	while (left > 0) {
		if (s->text_at == s->text_end && !fill(s))
			return false;
		n = s->text_end - s->text_at;
		if (n > left)
			n = (size_t)left;
		s->scan = 0;
		for (size_t done = 0; done < n; s->scan = 0)
			done += scan_content(s, s->text + s->text_at + done, n - done);
		s->text_at += n;
		s->bytes += n;
		left -= n;
	}
	if (last)
		accept_message(s, "BDAT");
	else
		reply(s, "250 2.0.0 Ok\r\n");
	return true;
}

/* ---- the dialogue ---- */

static void
say_ehlo(struct session *s)
{
	size_t i;

	reply(s, "250-localhost\r\n");
	for (i = 0; i < OPTIONS; i++) {
		if (options[i].offer == NULL || !(s->on->options & options[i].option))
			continue;
		if (options[i].option != AUTH || s->ssl != NULL)
			reply(s, "250-%s\r\n", options[i].offer);
	}
	if (s->ssl == NULL)
		reply(s, "250-STARTTLS\r\n");
	reply(s, "250 ENHANCEDSTATUSCODES\r\n");
}

static bool
start_tls(struct session *s)
{
	BIO *bio = BIO_new(method);

	if (bio == NULL || (s->ssl = SSL_new(context)) == NULL)
		die("TLS");
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
	s->greeted = false;
	if (SSL_accept(s->ssl) == 1)
		return true;
	s->why = "TLS handshake failed";
	return false;
}

static bool
auth(struct session *s, const char *argument)
{
	bool login = strncasecmp(argument, "LOGIN", 5) == 0;
	bool initial = strchr(argument, ' ') != NULL;

	if (!login && strncasecmp(argument, "PLAIN", 5) != 0) {
		reply(s, "504 5.5.4 PLAIN or LOGIN\r\n");
		return true;
	}
	if (login && !initial)
		reply(s, "334 VXNlcm5hbWU6\r\n");
	if (login && !initial && line(s) == NULL)
		return false;
	if (login)
		reply(s, "334 UGFzc3dvcmQ6\r\n");
	else if (!initial)
		reply(s, "334 \r\n");
	if ((login || !initial) && line(s) == NULL)
		return false;
	s->mechanism = login ? "LOGIN" : "PLAIN";
	s->authenticated = true;
	reply(s, "235 2.7.0 Welcome\r\n");
	return true;
}

/* A command, if it is one that has its turn. False: the session is over. */
static bool
command(struct session *s, char *verb)
{
	char *argument = verb + strcspn(verb, " ");

	if (*argument != '\0')
		*argument++ = '\0';
	if (strcasecmp(verb, "EHLO") == 0 || strcasecmp(verb, "HELO") == 0) {
		s->greeted = true;
		if (*verb == 'h' || *verb == 'H')
			reply(s, "250 localhost\r\n");
		else
			say_ehlo(s);
	} else if (strcasecmp(verb, "STARTTLS") == 0 && s->ssl == NULL) {
		reply(s, "220 2.0.0 Go ahead\r\n");
		if (s->text_at != s->text_end || s->raw_at != s->raw_end) {
			s->why = "bytes behind STARTTLS";
			return false;
		}
		flush(s);
		return start_tls(s);
	} else if (strcasecmp(verb, "AUTH") == 0 && s->ssl != NULL && s->greeted) {
		return auth(s, argument);
	} else if (strcasecmp(verb, "MAIL") == 0 && s->ssl != NULL && s->greeted &&
		   (s->authenticated || !(s->on->options & AUTH))) {
		s->mail = true;
		s->rcpts = 0;
		reply(s, "250 2.1.0 Ok\r\n");
	} else if (strcasecmp(verb, "RCPT") == 0 && s->mail) {
		s->rcpts++;
		reply(s, "250 2.1.5 Ok\r\n");
	} else if (strcasecmp(verb, "DATA") == 0 && s->rcpts > 0) {
		reply(s, "354 End data with <CR><LF>.<CR><LF>\r\n");
		return take_data(s);
	} else if (strcasecmp(verb, "BDAT") == 0 && s->rcpts > 0 && (s->on->options & CHUNKING)) {
		return take_bdat(s, argument);
	} else if (strcasecmp(verb, "RSET") == 0) {
		s->mail = false;
		s->rcpts = 0;
		reply(s, "250 2.0.0 Ok\r\n");
	} else if (strcasecmp(verb, "NOOP") == 0) {
		reply(s, "250 2.0.0 Ok\r\n");
	} else if (strcasecmp(verb, "QUIT") == 0) {
		reply(s, "221 2.0.0 Bye\r\n");
		return false;
	} else {
		reply(s, "503 5.5.1 Not now, or never\r\n");
	}
	return true;
}

static void
dialogue(struct session *s)
{
	char *verb;
	bool more = true, early;

	if ((s->on->options & IMPLICIT) && !start_tls(s))
		return;
	reply(s, "220 localhost ESMTP sink\r\n");
	while (more && (verb = line(s)) != NULL) {
		early = s->reply_end > 0;
		s->grouped += early;
		if (early && !(s->on->options & PIPELINING)) {
			s->why = "pipelining that was not offered";
			reply(s, "500 5.5.1 Pipelining not supported\r\n");
			return;
		}
		more = command(s, verb);
	}
}

/* What is kept back leaves, with close_notify, unless the client closes without waiting for it. */
static void
farewell(struct session *s)
{
	ssize_t n;
	bool told = false;

	for (;;) {
		if (!told && !readable(s, quiet)) {
			if (s->reply_end > 0 || s->why != NULL) {
				put(s);
				if (s->ssl != NULL && SSL_is_init_finished(s->ssl))
					(void)SSL_shutdown(s->ssl);
				link_flush(s);
			}
			shutdown(s->fd, SHUT_WR);
			told = true;
		}
		n = recv(s->fd, s->raw, sizeof(s->raw), 0);
		if (n <= 0)
			return;
	}
}

static void
log_session(struct session *s)
{
	struct timespec now;
	char text[1024];
	int n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	n = snprintf(text, sizeof(text),
		"listener=%s rt=%u rt_exit=%u accepted=%s messages=%u recipients=%u bytes=%llu "
		"content=%s bare=%llu grouped=%u held=%u mechanism=%s tls=%s cipher=%s ms=%lld "
		"why=%s\n",
		s->on->name, s->rt, 1 + s->flights, s->messages > 0 ? "yes" : "no", s->messages,
		s->recipients, s->bytes, s->content != NULL ? s->content : "-", s->bare, s->grouped,
		s->held, s->mechanism != NULL ? s->mechanism : "-",
		s->ssl != NULL ? SSL_get_version(s->ssl) : "-",
		s->ssl != NULL ? SSL_get_cipher_name(s->ssl) : "-",
		(long long)(now.tv_sec - s->since.tv_sec) * 1000 +
			(now.tv_nsec - s->since.tv_nsec) / 1000000,
		s->why != NULL ? s->why : "-");
	if (write(log_fd, text, (size_t)n) != n)
		die("log");
}

static void *
serve(void *data)
{
	struct session *s = data;

	clock_gettime(CLOCK_MONOTONIC, &s->since);
	dialogue(s);
	farewell(s);
	log_session(s);
	close(s->fd);
	SSL_free(s->ssl);
	free(s);
	return NULL;
}

/* ---- listening ---- */

static int
listen_at(const char *address, int port)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	bool six = strchr(address, ':') != NULL;
	struct sockaddr *a = six ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t size = six ? sizeof(a6) : sizeof(a4);
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 1, segment = SEGMENT;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (quiet > 0)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	if (inet_pton(six ? AF_INET6 : AF_INET, address,
		    six ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr) == 1 &&
		bind(fd, a, size) == 0 && listen(fd, 512) == 0)
		return fd;
	close(fd);
	return -1;
}

/* On ::1, too, where there is one: "localhost" is looked for there first. */
static void
listen_on(struct listener *l, const char *address)
{
	struct sockaddr_in a = {0};
	socklen_t size = sizeof(a);
	int turn;

	for (turn = 0; turn < 20; turn++) {
		l->fds[1] = -1;
		l->fds[0] = listen_at(address != NULL ? address : "127.0.0.1", 0);
		if (l->fds[0] == -1 || getsockname(l->fds[0], (struct sockaddr *)&a, &size) == -1)
			die("listen");
		l->port = ntohs(a.sin_port);
		if (address != NULL)
			return;
		l->fds[1] = listen_at("::1", l->port);
		if (l->fds[1] != -1 || errno != EADDRINUSE)
			return;
		close(l->fds[0]);
	}
	die("no port is free on both 127.0.0.1 and ::1");
}

static void
parse_listener(struct listener *l, char *text)
{
	char *word = strchr(text, '='), *rest = NULL;
	size_t i;

	errno = 0;
	if (word == NULL)
		die(text);
	*word++ = '\0';
	l->name = text;
	for (word = strtok_r(word, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
		for (i = 0; i < OPTIONS && strcmp(word, options[i].name) != 0; i++)
			continue;
		if (i == OPTIONS)
			die(word);
		l->options |= options[i].option;
	}
}

static void
start_session(const struct listener *on, int listening)
{
	struct timeval patience = {.tv_sec = PATIENCE};
	int yes = 1, later = 0, fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	struct session *s;
	pthread_t thread;
	pthread_attr_t detached;

	if (fd == -1)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (quiet > 0)
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &later, sizeof(later));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	s = malloc(sizeof(*s));
	if (s == NULL)
		die("session");
	memset(s, 0, offsetof(struct session, raw));
	s->raw_at = s->raw_end = s->out_end = s->text_at = s->text_end = s->reply_end = 0;
	memset(&s->flights, 0, sizeof(*s) - offsetof(struct session, flights));
	s->on = on;
	s->fd = fd;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, serve, s) != 0)
		die("thread");
	pthread_attr_destroy(&detached);
}

static void
prepare_tls(const char *chain, const char *key)
{
	errno = 0;
	context = SSL_CTX_new(TLS_server_method());
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "link");
	if (context == NULL || method == NULL)
		die("TLS");
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_ctrl);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_use_certificate_chain_file(context, chain) != 1)
		die(chain);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		die(key);
}

/* DIR/ports appears when it is whole. */
static void
tell_ports(const char *dir, const struct listener *list, size_t n)
{
	char path[4096], part[4096 + 8];
	FILE *f;
	size_t i;

	snprintf(path, sizeof(path), "%s/log", dir);
	log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd == -1)
		die(path);
	snprintf(path, sizeof(path), "%s/ports", dir);
	snprintf(part, sizeof(part), "%s.part", path);
	f = fopen(part, "we");
	if (f == NULL)
		die(part);
	for (i = 0; i < n; i++)
		fprintf(f, "%s %d\n", list[i].name, list[i].port);
	if (fclose(f) != 0 || rename(part, path) != 0)
		die(path);
}

int
main(int argc, char **argv)
{
	struct listener list[LISTENERS] = {0};
	struct pollfd polls[2 * LISTENERS];
	const char *chain = NULL, *key = NULL, *dir = NULL, *address = NULL;
	size_t n = 0, i;
	int option;

	while ((option = getopt(argc, argv, "a:c:d:k:q:")) != -1) {
		switch (option) {
		case 'a':
			address = optarg;
			break;
		case 'c':
			chain = optarg;
			break;
		case 'd':
			dir = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'q':
			quiet = (int)strtol(optarg, NULL, 10);
			break;
		default:
			return 64;
		}
	}
	if (chain == NULL || key == NULL || dir == NULL || optind == argc ||
		argc - optind > LISTENERS) {
		fprintf(stderr, "usage: sink [-a ADDRESS] [-q MS] -c CHAIN.pem -k KEY.pem "
				"-d DIR NAME=OPTION,OPTION.. ..\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	prepare_tls(chain, key);
	for (; optind < argc; optind++, n++) {
		parse_listener(&list[n], argv[optind]);
		listen_on(&list[n], address);
		polls[2 * n] = (struct pollfd){.fd = list[n].fds[0], .events = POLLIN};
		polls[2 * n + 1] = (struct pollfd){.fd = list[n].fds[1], .events = POLLIN};
	}
	tell_ports(dir, list, n);
	for (;;) {
		if (poll(polls, 2 * n, -1) == -1 && errno != EINTR)
			die("poll");
		for (i = 0; i < 2 * n; i++) {
			if (polls[i].revents != 0)
				start_session(&list[i / 2], polls[i].fd);
		}
	}
}
