#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A network with delay and no limit of bandwidth, on this machine.

    delay.py proxy RTT DIR NAME=PORT..   a proxy in front of 127.0.0.1's PORTs
    unshare -n delay.py wire RTT DIR     a wire between 127.0.0.2 and 127.0.0.1

RTT is in ms; each direction takes half of it.  Both write DIR/ports when they are ready
("NAME PORT" a line; the wire's is empty) and run until they are ended.

The wire needs root and /dev/net/tun, and a network namespace whose lo is down.  Whoever
connects to 127.0.0.1 in there sends real packets, SYN and all, into a tun device; each comes
back RTT/2 later with its addresses changed over (which leaves all checksums as they are), to a
server that listens at 127.0.0.2.  So one process plays both directions of a network.

The proxy can't delay a SYN: the kernel answers it.  So it takes the client to be connected one
RTT after it accepted: the server sees the connection RTT/2 later than that, and what the client
sends in the meantime counts as sent at the end of that RTT.
"""
import contextlib
import fcntl
import heapq
import os
import select
import socket
import struct
import subprocess
import sys
import time

CHUNK = 1 << 18


def tell_ports(folder, ports):
    with open(folder + "/ports.part", "w", encoding="ascii") as file:
        file.writelines(f"{name} {port}\n" for name, port in ports)
    os.rename(folder + "/ports.part", folder + "/ports")


class Later:
    """What is to be done, in the order of its time."""

    def __init__(self):
        self.heap = []
        self.count = 0

    def add(self, when, what, *arguments):
        self.count += 1     # equal times stay in order
        heapq.heappush(self.heap, (when, self.count, what, arguments))

    def run(self):
        """Does what is due; returns the seconds to the next, None if there is none."""
        while self.heap:
            wait = self.heap[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, what, arguments = heapq.heappop(self.heap)
            what(*arguments)
        return None


# --- the wire ---

TUNSETIFF = 0x400454ca
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000


def wire(rtt, folder):
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    with open("/proc/sys/net/ipv4/conf/tun0/route_localnet", "w", encoding="ascii") as file:
        file.write("1")
    for command in ("link set tun0 up", "addr add 127.0.0.2/32 dev tun0",
                    "route add 127.0.0.1/32 dev tun0 src 127.0.0.2"):
        subprocess.run(["ip", *command.split()], check=True)
    tell_ports(folder, [])
    later = Later()
    while True:
        ready, _, _ = select.select([tun], [], [], later.run())
        if not ready:
            continue
        packet = os.read(tun, 65536)
        if packet[0] >> 4 == 4:
            back = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
            later.add(time.monotonic() + rtt / 2, os.write, tun, back)


# --- the proxy ---

class Side:
    """One end of a connection: what came is given to the other end, later."""

    def __init__(self, proxy, sock, opened):
        self.proxy, self.sock, self.opened = proxy, sock, opened
        self.other = None
        self.pending = bytearray()
        self.ended = False      # nothing more will be sent to it
        self.heard = False      # nothing more will come from it

    def read(self):
        try:
            data = self.sock.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self.heard = True
            self.proxy.forget(self, self.proxy.readers)
        sent = max(time.monotonic(), self.opened)
        self.proxy.later.add(sent + self.proxy.rtt / 2, self.deliver, data)
        self.close()

    def deliver(self, data):
        if self.other is None:      # the server's side couldn't be reached
            return
        if data:
            self.other.pending += data
        else:
            self.other.ended = True
        self.other.write()

    def write(self):
        try:
            while self.pending:
                del self.pending[:self.sock.send(self.pending)]
        except BlockingIOError:
            self.proxy.writers[self.sock] = self
            return
        except OSError:
            self.pending.clear()
        self.proxy.forget(self, self.proxy.writers)
        if self.ended:
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        self.close()

    def close(self):
        """Closes when nothing more will come from either side."""
        if self.ended and self.heard and not self.pending:
            self.proxy.forget(self, self.proxy.writers)
            self.sock.close()


class Proxy:
    def __init__(self, rtt):
        self.rtt = rtt
        self.later = Later()
        self.listeners, self.readers, self.writers = {}, {}, {}

    @staticmethod
    def forget(side, where):
        where.pop(side.sock, None)

    def watch(self, sock, opened):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        side = Side(self, sock, opened)
        self.readers[sock] = side
        return side

    def listen(self, port):
        """On 127.0.0.1 and the same port of ::1, where there is one; returns the port."""
        first = socket.create_server(("127.0.0.1", 0), backlog=512)
        mine = first.getsockname()[1]
        self.listeners[first] = port
        try:
            self.listeners[socket.create_server(("::1", mine), family=socket.AF_INET6,
                                                backlog=512)] = port
        except OSError:
            pass
        return mine

    def accept(self, listener):
        sock, _ = listener.accept()
        client = self.watch(sock, time.monotonic() + self.rtt)
        self.later.add(client.opened + self.rtt / 2, self.connect, client,
                       self.listeners[listener])

    def connect(self, client, port):
        try:
            server = self.watch(socket.create_connection(("127.0.0.1", port)), 0)
        except OSError:
            self.forget(client, self.readers)
            client.sock.close()
            return
        server.other, client.other = client, server

    def run(self):
        while True:
            wait = self.later.run()
            ready, writable, _ = select.select([*self.listeners, *self.readers],
                                               [*self.writers], [], wait)
            for sock in ready:
                if sock in self.listeners:
                    self.accept(sock)
                elif sock in self.readers:
                    self.readers[sock].read()
            for sock in writable:
                if sock in self.writers:
                    self.writers[sock].write()


def hurry():
    """On a busy machine packets shall be late by RTT/2 and no more: first in turn, if we may."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def main(kind, rtt, folder, *pairs):
    rtt = float(rtt) / 1000
    hurry()
    if kind == "wire":
        wire(rtt, folder)
    proxy = Proxy(rtt)
    tell_ports(folder, [(name, proxy.listen(int(port)))
                        for name, port in (pair.split("=") for pair in pairs)])
    proxy.run()


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("proxy", "wire"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
