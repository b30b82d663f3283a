/* SPDX-License-Identifier: ISC */
/* net.h: a TCP connection under a deadline, and the signals in the commit window. Knows no SMTP. */
#ifndef MAILCHUTE_NET_H
#define MAILCHUTE_NET_H

#include "err.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Milliseconds of the monotonic clock: all deadlines are such points in time. */
int64_t net_clock(void);

/* Why a connection is of no more use. Each is a sentence of its own to the user. */
enum net_fault_kind {
	NET_FINE,
	NET_EOF,     /* the peer closed */
	NET_TIMEOUT, /* the deadline passed */
	NET_ERRNO,   /* number: errno */
	NET_SIGNAL,  /* number: the signal, in the commit window only */
	NET_TLS,     /* number: BearSSL's error; set by tls.c */
	NET_OVERLONG /* a reply line over the limit; set by wire.c */
};

struct net_fault {
	enum net_fault_kind kind;
	int number;
};

struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name;
	socklen_t len;
	unsigned delay; /* ms from the race's start, if nothing has answered until then */
	bool tried;
};

#define NET_ADDRESSES_MAX 32

/* The addresses of one host, in the order in which they are tried (RFC 8305 4). */
struct net_addresses {
	size_t n;
	struct net_address list[NET_ADDRESSES_MAX];
};

struct net {
	int fd;        /* -1: closed */
	int signal_fd; /* -1: signals do what they did when we were started */
	sigset_t held;
	struct net_fault fault; /* the first */
	uint64_t sent;          /* bytes that write(2) has taken */
	bool mute;              /* nothing may be written any more: what waits has been given up */
	char address[INET6_ADDRSTRLEN];
	unsigned port;
};

/* A closed connection. */
void net_init(struct net *n);

/* bytes: 4 of AF_INET, 16 of AF_INET6. */
void net_set_address(struct net_address *a, int family, const unsigned char *bytes, unsigned port);

/* Adds an address at the end, unless it is there already or there is no more room. */
void net_add(struct net_addresses *as, const struct net_address *a);

/*
 * Adds each address once more, with another port that is tried `later` ms after the first (as far
 * as there is room).
 */
void net_add_port(struct net_addresses *as, unsigned port, unsigned later);

/* True while an address is left that wasn't tried. */
bool net_untried(const struct net_addresses *as);

/*
 * Connects to the first untried address that answers; the next ones are begun by their delays, 250
 * ms apart where there is one port (RFC 8305 5), and at once when one has failed. attempt_ms bounds each attempt, deadline all of them. What failed
 * or was taken is marked tried; what was merely slower is not. Error: ERR_TEMP with each cause.
 */
int net_connect(
	struct net *n, struct net_addresses *as, int attempt_ms, int64_t deadline, struct err *e);

/* Our own end of the connection as EHLO wants it: [192.0.2.1] or [IPv6:2001:db8::1]. */
void net_own_literal(const struct net *n, char *buf, size_t size);

void net_close(struct net *n);

/* A deadline for a look that doesn't wait. */
#define NET_AT_ONCE INT64_MIN

/* Waits for POLLIN or POLLOUT; returns those that are ready, or -1 with n->fault set. */
int net_wait(struct net *n, short events, int64_t deadline);

/* Bytes read or written; 0: it would block; -1: n->fault is set (also at the end of the stream). */
ssize_t net_read(struct net *n, void *buf, size_t size);
ssize_t net_write(struct net *n, const void *buf, size_t len);

/*
 * From here SIGTERM, SIGINT and SIGHUP (where they aren't ignored) no longer end the process:
 * net_wait returns NET_SIGNAL instead. net_release_signals undoes it.
 */
int net_hold_signals(struct net *n, struct err *e);

/* Waits until then, over a closed connection. -1: a held signal came (n->fault is NET_SIGNAL). */
int net_pause(struct net *n, int64_t until);

void net_release_signals(struct net *n);

#endif
