# SPDX-License-Identifier: ISC
"""The clients that are measured, and how each is told what to do.  Runs none of them.

All send as alice@mail.test to bob@mail.test by localhost, log in with a password, verify the
server's chain and name against one file of roots: "sys" is the system's bundle and the sink's
root, "ca" the sink's root alone.  They run as they would from cron: no locale, a bare PATH.
"""
import base64
import os
import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
TLS = {"587": "starttls", "465": "implicit"}
SIZES = {"2k": 2000, "20k": 20000, "25m": 25000000}
# One more message, "wide", has a header of 64 KiB and so many recipients.
WIDE_HEADER, WIDE_RECIPIENTS = 65536, 100


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="ascii") as file:
        file.write(text)
    return str(path)


def message(size):
    """A message of just over so many bytes, its body in base64, as attachments are."""
    head = """From: Alice <alice@mail.test>
To: bob@mail.test
Subject: a benchmark
Date: Sun, 1 Mar 2026 12:00:00 +0000
Message-ID: <1@mail.test>
MIME-Version: 1.0
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

"""
    lines = (size - len(head)) // 77 + 1
    return head + base64.encodebytes(random.Random(1).randbytes(57 * lines)).decode("ascii")


def wide():
    text, field = message(SIZES["2k"]), f"X-Field: {'word ' * 12}\n {'folded ' * 9}\n"
    return field * ((WIDE_HEADER - text.index("\n\n")) // len(field)) + text


def write_messages(work):
    write(work / "message.wide", wide())
    for name, size in SIZES.items():
        text = message(size)
        write(work / f"message.{name}", text)
        write(work / f"message.{name}.crlf", text.replace("\n", "\r\n"))
        write(work / f"message.{name}.queue", "alice@mail.test\nbob@mail.test\n\n" + text)


class Client:
    """command(port, number, size): what to run for "587" or "465" at that number."""
    offer = "full"      # which of the sink's listeners it is measured with
    input_fd = 0        # what it reads the message from
    recipients = ("bob@mail.test",)
    nagle = True        # as far as we know

    def __init__(self, work, trust, name, version="", path=None, libraries=None):
        self.work, self.name, self.version, self.path = work, name, version, path
        self.label = f"{name}-{trust}"
        self.trust = trust
        self.roots = work / f"{trust}.pem"
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(work / "home")}
        if libraries:
            self.environment["LD_LIBRARY_PATH"] = str(libraries)

    def message(self, size):
        return self.work / f"message.{size}"

    def profile(self, number, text):
        return write(self.work / f"{self.label}.{number}.conf", text)

    def under_valgrind(self):
        """The same, as it can be run there."""
        return self

    def owns(self, path):
        """Whether the file would be there without it: its roots would, profile and log wouldn't."""
        return path.startswith(str(self.work)) and path != str(self.roots)


class Mailchute(Client):
    nagle = False

    def __init__(self, work, trust, path, offer="full", label=None, **keys):
        super().__init__(work, trust, "mailchute", path=str(work / "sendmail"))
        self.offer, self.keys = offer, keys
        self.label = label or self.label
        if not os.path.lexists(self.path):
            os.symlink(path, self.path)

    def under_valgrind(self):
        # Its sandbox has no place for what valgrind does beside it.
        return Mailchute(self.work, self.trust, self.path, self.offer, self.label,
                         **{**self.keys, "sandbox": "no"})

    def command(self, port, number, _size):
        values = {"host": f"localhost:{number}", "tls": TLS[port], "tls_trust": self.roots,
                  "user": "alice@mail.test", "password": "s3cret-alice",
                  "from": "alice@mail.test", "domain": "mail.test", "helo": "client.test",
                  "log": self.work / "log", **self.keys}
        lines = [f"{key} = {value}\n" for key, value in values.items()]
        profile = self.profile(number, "".join(["[default]\n", *lines]))
        self.environment["MAILCHUTE_CONFIG"] = profile
        return [self.path, "-i", *self.recipients]


class Msmtp(Client):
    def command(self, port, number, _size):
        return [self.path, "-C", self.profile(number, f"""account default
host localhost
port {number}
tls on
tls_starttls {"on" if port == "587" else "off"}
tls_trust_file {self.roots}
auth on
user alice@mail.test
password s3cret-alice
from alice@mail.test
"""), "bob@mail.test"]


class Curl(Client):
    """It changes no line ends unless told to, at a price: so it gets its message with CRLF."""

    def message(self, size):
        return self.work / f"message.{size}.crlf"

    def command(self, port, number, _size):
        return [self.path, "-q", "-K", self.profile(number, f"""
url = "{"smtp" if port == "587" else "smtps"}://localhost:{number}"
ssl-reqd
silent
show-error
user = "alice@mail.test:s3cret-alice"
cacert = "{self.roots}"
mail-from = "alice@mail.test"
mail-rcpt = "bob@mail.test"
upload-file = "-"
""")]


class Busybox(Client):
    """TLS is openssl's, which it runs; what openssl says of that goes nowhere."""

    def command(self, port, number, _size):
        tls = "-starttls smtp" if port == "587" else ""
        return [self.path, "sendmail", "-f", "alice@mail.test", "-aualice@mail.test",
                "-aps3cret-alice", "-H",
                f"exec openssl s_client -quiet {tls} -connect localhost:{number} -CAfile "
                f"{self.roots} -no-CApath -verify_return_error -verify_hostname localhost "
                "2>/dev/null", "bob@mail.test"]


class Nullmailer(Client):
    """Its module for one delivery, which reads a file of its queue from 3."""
    input_fd = 3

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.environment["HELOHOST"] = "client.test"

    def message(self, size):
        return self.work / f"message.{size}.queue"

    def command(self, port, number, _size):
        return [self.path, f"--port={number}", "--starttls" if port == "587" else "--tls",
                f"--x509cafile={self.roots}", "--user=alice@mail.test", "--pass=s3cret-alice",
                "--host=localhost"]


class Ssmtp(Client):
    def command(self, port, number, _size):
        return [self.path, "-C" + self.profile(number, f"""mailhub=localhost:{number}
hostname=client.test
FromLineOverride=YES
UseTLS=YES
UseSTARTTLS={"YES" if port == "587" else "NO"}
TLS_CA_File={self.roots}
AuthUser=alice@mail.test
AuthPass=s3cret-alice
"""), "-falice@mail.test", "bob@mail.test"]


class Smtplib(Client):
    def command(self, port, number, _size):
        return [self.path, str(HERE / "send.py"), str(number), TLS[port], str(self.roots)]


# By the package, as tests/bench/rivals knows it.
RIVALS = {"msmtp": (Msmtp, ("sys", "ca")), "curl": (Curl, ("sys",)),
          "busybox": (Busybox, ("sys",)),
          "nullmailer": (Nullmailer, ("sys",)), "ssmtp": (Ssmtp, ("sys",)),
          "python3": (Smtplib, ("sys",))}


def rivals(work, folder):
    """Those that tests/bench/rivals could get."""
    found = []
    for line in (folder / "programs").read_text("ascii").splitlines():
        package, version, path = line.split(" ", 2)
        kind, trusts = RIVALS[package]
        name = {"python3": "smtplib"}.get(package, package)
        libraries = folder / "lib" if path.startswith(str(folder)) else None
        found += [kind(work, trust, name, version, path, libraries) for trust in trusts]
    return found
