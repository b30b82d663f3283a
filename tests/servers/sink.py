#!/usr/bin/python3
# A throw-away submission server that keeps what it accepts in a directory.
# SPDX-License-Identifier: ISC
"""Listens on two free ports of 127.0.0.1, for STARTTLS (like 587) and for TLS
from the first byte (like 465). DIR/ports has "587 N" and "465 N", one a line,
as soon as both listen. An accepted message is in DIR/0001.eml, as it came but
without the dots of DATA, and its envelope in DIR/0001.json; and so on. Nothing
is accepted without TLS (1.2 or newer) and the password (AUTH PLAIN or LOGIN).

Refused with 550: recipients given by --refuse, senders refused@ANYTHING.
Refused with 554: a message with "X-Refuse-Content: yes" in its header.
SIGTERM ends it.
"""

import argparse
import asyncio
import collections
import itertools
import json
import logging
import os
import signal
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


class Submission(SMTP):
    """aiosmtpd's server with the challenges and limits of real ones."""

    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    def __init__(self, *args, **kwargs):
        # One of our own: aiosmtpd's is shared by all connections, and each
        # new one resets it under the others.
        self.command_size_limits = collections.defaultdict(lambda: 1000)
        super().__init__(*args, **kwargs)


class Sink:
    """What to do with senders, recipients and messages (aiosmtpd's hooks)."""

    def __init__(self, kind, args, numbers):
        self.kind = kind
        self.dir = args.dir
        self.login = (args.user.encode(), args.password.encode())
        self.refuse = {address.lower() for address in args.refuse}
        self.numbers = numbers

    def authenticate(self, server, session, envelope, mechanism, data):
        ok = (data.login, data.password) == self.login
        # Not handled: aiosmtpd answers a failure with 535 by itself.
        return AuthResult(success=ok, handled=False, auth_data=data)

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.lower().startswith("refused@"):
            return f"550 5.7.1 <{address}>: Sender address rejected: not yours"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.lower() in self.refuse:
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        header = envelope.content.partition(b"\r\n\r\n")[0]
        if b"x-refuse-content: yes" in header.lower().split(b"\r\n"):
            return "554 5.7.1 content refused"
        name = f"{next(self.numbers):04d}"
        facts = {
            # aiosmtpd leaves the brackets on the empty sender only.
            "mail_from": "" if envelope.mail_from == "<>" else envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "mail_options": envelope.mail_options,
            "rcpt_options": envelope.rcpt_options,
            "helo": session.host_name,
            "tls": server.transport.get_extra_info("ssl_object").version(),
            "user": session.auth_data.login.decode(errors="replace"),
            "port": self.kind,
        }
        self.write(name + ".json", (json.dumps(facts, indent=1) + "\n").encode())
        self.write(name + ".eml", envelope.content)
        return f"250 2.0.0 Ok: queued as {name}"

    async def handle_exception(self, error):
        # Mostly clients that don't like the certificate: no stack trace.
        complain(repr(error.__cause__ or error))
        return "451 4.3.0 Error in the server"

    def write(self, name, content):
        """Makes a file that is complete as soon as it is there."""
        path = os.path.join(self.dir, name)
        with open(path + ".new", "wb") as file:
            file.write(content)
        os.rename(path + ".new", path)


def complain(text):
    print("sink.py:", text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cert", required=True, help="chain, leaf first")
    parser.add_argument("--key", required=True)
    parser.add_argument("--dir", required=True, help="for messages and ports")
    parser.add_argument("--user", default="demo")
    parser.add_argument("--password", default="demo-password")
    parser.add_argument("--refuse", metavar="ADDR", action="append", default=[])
    parser.add_argument("--no-smtputf8", action="store_true")
    return parser.parse_args()


async def serve(args):
    os.makedirs(args.dir, exist_ok=True)
    if os.path.exists(os.path.join(args.dir, "ports")):
        os.unlink(os.path.join(args.dir, "ports"))  # of an earlier one
    earlier = sum(name.endswith(".eml") for name in os.listdir(args.dir))
    numbers = itertools.count(earlier + 1)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # OpenSSL would not load the weak certificates that a client has to refuse.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(args.cert, args.key)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda loop, what: complain(f"{what['message']}: {what.get('exception')}"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def server(sink, **options):
        return Submission(
            sink, loop=loop, hostname="mail.test", ident="ESMTP sink",
            enable_SMTPUTF8=not args.no_smtputf8,
            auth_required=True, authenticator=sink.authenticate, **options)

    starttls = Sink("587", args, numbers)
    implicit = Sink("465", args, numbers)
    listeners = {
        "587": await loop.create_server(
            lambda: server(starttls, tls_context=context, require_starttls=True,
                           auth_require_tls=True),
            "127.0.0.1", 0, backlog=1000),
        # aiosmtpd knows TLS by STARTTLS only, and there is none in here.
        "465": await loop.create_server(
            lambda: server(implicit, auth_require_tls=False),
            "127.0.0.1", 0, backlog=1000, ssl=context),
    }
    ports = "".join(f"{kind} {listener.sockets[0].getsockname()[1]}\n"
                    for kind, listener in listeners.items())
    starttls.write("ports", ports.encode())
    print(ports, end="", flush=True)
    await stop.wait()


if __name__ == "__main__":
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    asyncio.run(serve(arguments()))
