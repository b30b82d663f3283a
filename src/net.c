/* SPDX-License-Identifier: ISC */
/* net.c: a socket under a deadline, and the signals in the commit window. Knows no SMTP. */
#include "net.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t
net_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
net_init(struct net *n)
{
	*n = (struct net){.fd = -1, .signal_fd = -1};
}

static int
set_fault(struct net *n, enum net_fault_kind kind, int number)
{
	if (n->fault.kind == NET_FINE)
		n->fault = (struct net_fault){kind, number};
	return -1;
}

void
net_close(struct net *n)
{
	if (n->fd != -1)
		(void)close(n->fd);
	n->fd = -1;
}

/* A signal that is ignored is none: nohup and cron's children stay deaf to what they were told. */
static int
read_signal(struct net *n)
{
	struct signalfd_siginfo info;
	struct sigaction now;

	if (read(n->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return set_fault(n, NET_ERRNO, errno);
	if (sigaction((int)info.ssi_signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
		return 0;
	return set_fault(n, NET_SIGNAL, (int)info.ssi_signo);
}

int
net_pause(struct net *n, int64_t until)
{
	struct pollfd held = {.fd = n->signal_fd, .events = POLLIN};
	int64_t left;

	n->fault.kind = NET_FINE;
	while ((left = until - net_clock()) > 0) {
		int ready = poll(&held, 1, left > INT32_MAX ? INT32_MAX : (int)left);

		if (ready == 1 && read_signal(n) == -1)
			return -1;
		if (ready == -1 && errno != EINTR)
			return 0; /* too early is better than busy */
	}
	return 0;
}

int
net_wait(struct net *n, short events, int64_t deadline)
{
	struct pollfd fds[2] = {
		{.fd = n->fd, .events = events},
                {.events = POLLIN          }
        };
	int64_t left;
	int ready;

	fds[1].fd = n->signal_fd;
	for (;;) {
		left = deadline == NET_AT_ONCE ? 0 : deadline - net_clock();
		if (left > INT32_MAX)
			left = INT32_MAX;
		/* However busily a server drips or drinks. */
		if (left < 0)
			return set_fault(n, NET_TIMEOUT, 0);
		ready = poll(fds, 2, (int)left);
		if (ready == -1 && errno == EINTR)
			continue;
		if (ready == -1)
			return set_fault(n, NET_ERRNO, errno);
		if (ready == 0 && left > 0)
			continue;
		if (ready == 0)
			return set_fault(n, NET_TIMEOUT, 0);
		if (fds[0].revents == 0 && read_signal(n) == -1)
			return -1;
		if (fds[0].revents == 0)
			continue;
		/* An error or a hang-up is found by the read or write that follows. */
		if ((fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
			return events;
		return fds[0].revents & events;
	}
}

ssize_t
net_read(struct net *n, void *buf, size_t size)
{
	ssize_t got;

	do
		got = recv(n->fd, buf, size, 0);
	while (got == -1 && errno == EINTR);
	if (got > 0)
		return got;
	if (got == 0)
		return set_fault(n, NET_EOF, 0);
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return set_fault(n, NET_ERRNO, errno);
}

ssize_t
net_write(struct net *n, const void *buf, size_t len)
{
	ssize_t sent;

	if (n->mute)
		return set_fault(n, NET_EOF, 0);
	do
		sent = send(n->fd, buf, len, MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	if (sent >= 0) {
		n->sent += (uint64_t)sent;
		return sent;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return set_fault(n, NET_ERRNO, errno);
}

int
net_hold_signals(struct net *n, struct err *e)
{
	(void)sigemptyset(&n->held);
	(void)sigaddset(&n->held, SIGTERM);
	(void)sigaddset(&n->held, SIGINT);
	(void)sigaddset(&n->held, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &n->held, NULL) == -1)
		return err_errno(e, ERR_SYSTEM, "cannot block signals");
	n->signal_fd = signalfd(-1, &n->held, SFD_CLOEXEC | SFD_NONBLOCK);
	if (n->signal_fd == -1) {
		(void)err_errno(e, ERR_SYSTEM, "cannot watch for signals");
		(void)sigprocmask(SIG_UNBLOCK, &n->held, NULL);
		return -1;
	}
	return 0;
}

void
net_release_signals(struct net *n)
{
	if (n->signal_fd == -1)
		return;
	(void)close(n->signal_fd);
	n->signal_fd = -1;
	(void)sigprocmask(SIG_UNBLOCK, &n->held, NULL);
}
