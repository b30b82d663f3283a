#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The server's side of nine SASL mechanisms, for the scripted peer, and by itself:

    sasl.py NAME USER PASSWORD [OPTION=VALUE ...]

plays them over stdin and stdout, beginning with the client's AUTH line.  It shares no code
with the client under test: hashlib, hmac and base64 do the work.  selftest.bats feeds it the
RFCs' vectors; so a client that it takes does what the RFCs say.  Exit status: 0 for 235, 1
for a refusal, 2 for a client's message that no RFC allows, 3 where the exchange was broken
off by option.

NAME       PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL
           OAUTHBEARER XOAUTH2
USER       who shall log in; PASSWORD: with what (the bearer token of the last two)
All words are percent-coded (%20 is a blank, %25 a percent sign); "-" alone is empty.  In the
values of options these stand for something else:
           {user} {password} {password64}  the words above; the latter's base64
           {last} {decoded}                what the client sent last: in base64, and not

Options:
start=LINE        the answer to AUTH without an initial response, where the client speaks
                  first ("334 ")
sayN=LINE         the Nth answer is this line, whatever it should have been; the exchange
                  goes on.  Counted are the answers to what the client has to say (in LOGIN
                  and CRAM-MD5, where the server speaks first, that to AUTH is one)
endN=LINE         the same, and the exchange is over: what comes next the transcript says;
                  without a line it is the one that it should be
forever=LINE      this line is the answer to everything, until the client goes
ok=LINE no=LINE   the words of success (235 2.7.0 ok) and of refusal (535 5.7.8 ...)
ir=must ir=never  the client has to send an initial response, or must not

LOGIN             prompt1=TEXT prompt2=TEXT (Username: and Password:)
CRAM-MD5          challenge=TEXT (<1896.697170952@mail.test>)
SCRAM-*           nonce=TEXT      the server's part of it (random)
                  salt=BASE64 i=N (16 random bytes, 4096): what the password is salted with
                  r=TEXT s=TEXT count=TEXT  what is told of nonce, salt and iterations; {c} is
                                  the client's nonce, {n} ours (r: {c}{n})
                  first=TEXT      the whole first message (r={r},s={s},i={count})
                  v=TEXT          the signature told ({v} is the right one, {bad} a false one)
                  final=TEXT      the whole last message (v={v})
                  bind=NAME       -PLUS: the hash of the certificate's signature (sha256)
                  cert=FILE       -PLUS, by itself: the server's certificate
EXTERNAL          cert=no         the client needn't have shown a certificate
OAUTHBEARER, XOAUTH2
                  json=TEXT       what is said of a false token
"""
import base64
import binascii
import hashlib
import hmac
import os
import re
import ssl
import sys


class Refused(Exception):
    """The client isn't who it says: 535."""


class Broken(Exception):
    """What the client sent is no message of the mechanism."""


class Cut(Exception):
    """An option has ended the exchange."""


class Account:
    """Who shall log in, how the server behaves, and what TLS knows of both sides."""

    def __init__(self, words, server_cert=None, client_cert=None):
        self.name, user, password, *options = words
        self.user, self.password = word(user), word(password)
        self.options = dict(option.split("=", 1) for option in options)
        self.server_cert = server_cert      # DER
        self.client_cert = client_cert      # DER
        self.last = b""                     # as it came, in base64

    def text(self, key, default, **names):
        """An option's value, or the default, with what stands in braces put in."""
        value = word(self.options[key]) if key in self.options else default
        names.update(user=self.user, password=self.password,
                     password64=base64.b64encode(self.password), last=self.last)
        if b"{decoded}" in value:
            names["decoded"] = base64.b64decode(self.last)
        for name, meaning in names.items():
            value = value.replace(b"{%s}" % name.encode(), meaning)
        return value


def word(text):
    return b"" if text == "-" else re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda code: bytes.fromhex(code[1].decode()),
        text.encode("utf-8", "surrogateescape"))


def decode(line):
    """Base64 as RFC 4648 has it: nothing missing, nothing else."""
    try:
        data = base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise Broken("base64: %s" % error) from None
    if base64.b64encode(data) != line:
        raise Broken("base64: not as it has to be written")
    return data


def same(got, wanted, what):
    if not hmac.compare_digest(got, wanted):
        raise Refused("%s %r, not %r" % (what, got, wanted))


# --- the mechanisms -----------------------------------------------------------------
#
# Each is a generator: it yields a challenge and gets the response; None is yielded where the
# client speaks first.  Its end is success.

def plain(account):
    """RFC 4616."""
    parts = (yield None).split(b"\0")
    if len(parts) != 3:
        raise Broken("%d parts" % len(parts))
    if parts[0] not in (b"", parts[1]):
        raise Refused("may not act for %r" % parts[0])
    same(parts[1], account.user, "user")
    same(parts[2], account.password, "password")


def login(account):
    """No RFC has it."""
    same((yield account.text("prompt1", b"Username:")), account.user, "user")
    same((yield account.text("prompt2", b"Password:")), account.password, "password")


def cram_md5(account):
    """RFC 2195."""
    challenge = account.text("challenge", b"<1896.697170952@mail.test>")
    user, blank, digest = (yield challenge).rpartition(b" ")
    if not blank or not re.fullmatch(rb"[0-9a-f]{32}", digest):
        raise Broken("no digest in lower case")
    same(user, account.user, "user")
    same(digest, hmac.new(account.password, challenge, "md5").hexdigest().encode(), "digest")


def external(account):
    """RFC 4422, appendix A."""
    authzid = yield None
    if b"\0" in authzid:
        raise Broken("NUL in the name")
    if account.client_cert is None and account.options.get("cert") != "no":
        raise Refused("no certificate")
    same(authzid, account.user, "authzid")


GS2 = rb"(?P<gs2>(?P<flag>n|y|p=[A-Za-z0-9.-]+),(a=(?P<authzid>(?:[^\0,=]|=2C|=3D)+))?,)"
SCRAM_FIRST = re.compile(GS2 + rb"(?P<bare>n=(?P<user>(?:[^\0,=]|=2C|=3D)+)"
                         rb",r=(?P<nonce>[!-+\--~]+))")
SCRAM_FINAL = re.compile(rb"(?P<rest>c=(?P<bound>[A-Za-z0-9+/=]+),r=(?P<nonce>[!-+\--~]+))"
                         rb",p=(?P<proof>[A-Za-z0-9+/=]+)")


def name_decoded(text):
    return (text or b"").replace(b"=2C", b",").replace(b"=3D", b"=")


def xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other))


def scram(account):
    """RFC 5802, RFC 7677; tls-server-end-point is RFC 5929 4.1."""
    plus = account.name.endswith("-PLUS")
    algorithm = "sha1" if "SHA-1" in account.name else "sha256"

    def digest(data):
        return hashlib.new(algorithm, data).digest()

    def mac(key, data):
        return hmac.new(key, data, algorithm).digest()

    client_first = SCRAM_FIRST.fullmatch((yield None))
    if not client_first:
        raise Broken("this is no client-first-message")
    if client_first["flag"] != (b"p=tls-server-end-point" if plus else b"n"):
        raise Broken("gs2-cbind-flag %r" % client_first["flag"])
    # RFC 5802 has no least length; less than 96 bits could be guessed or met twice.
    if len(client_first["nonce"]) < 16:
        raise Broken("a nonce of %d characters" % len(client_first["nonce"]))
    if name_decoded(client_first["authzid"]) not in (b"", account.user):
        raise Refused("may not act for %r" % client_first["authzid"])

    ours = account.text("nonce", base64.b64encode(os.urandom(18)))
    salt = account.text("salt", base64.b64encode(os.urandom(16)))
    count = account.text("i", b"4096")
    names = {"c": client_first["nonce"], "n": ours}
    names["r"] = account.text("r", b"{c}{n}", **names)
    names["s"] = account.text("s", salt)
    names["count"] = account.text("count", count)
    server_first = account.text("first", b"r={r},s={s},i={count}", **names)

    client_final = SCRAM_FINAL.fullmatch((yield server_first))
    if not client_final:
        raise Broken("this is no client-final-message")
    bound = client_first["gs2"]
    if plus:
        bound += hashlib.new(account.options.get("bind", "sha256"), account.server_cert).digest()
    if decode(client_final["bound"]) != bound:
        raise Broken("c=%s" % client_final["bound"].decode())
    if client_final["nonce"] != names["r"]:
        raise Broken("another nonce")

    salted = hashlib.pbkdf2_hmac(algorithm, account.password, base64.b64decode(salt), int(count))
    said = b",".join((client_first["bare"], server_first, client_final["rest"]))
    stored = digest(mac(salted, b"Client Key"))
    proof = decode(client_final["proof"])
    same(name_decoded(client_first["user"]), account.user, "user")
    if len(proof) != len(stored) or digest(xor(proof, mac(stored, said))) != stored:
        raise Refused("wrong proof")
    signature = mac(mac(salted, b"Server Key"), said)
    names = {"v": base64.b64encode(signature), "bad": base64.b64encode(digest(signature))}
    names["v"] = account.text("v", names["v"], **names)
    if (yield account.text("final", b"v={v}", **names)):
        raise Broken("an answer to the last message")


def oauth(account, user, token, failure, dummy):
    if user != account.user:
        problem = "user %r" % user
    elif token != account.password:
        problem = "token %r" % token
    else:
        return
    if (yield account.text("json", failure)) not in dummy:
        raise Broken("an answer to the error")
    raise Refused(problem)


def oauthbearer(account):
    """RFC 7628."""
    response = yield None
    message = re.fullmatch(GS2 + rb"\x01(?P<pairs>(?:[A-Za-z]+=[!-~ \t\r\n]*\x01)*)\x01", response)
    pairs = re.findall(rb"([A-Za-z]+)=([^\x01]*)\x01", message["pairs"] if message else b"")
    bearer = re.fullmatch(rb"Bearer ([A-Za-z0-9._~+/-]+=*)", dict(pairs).get(b"auth", b""), re.I)
    if not message or message["flag"] != b"n" or not bearer or len(dict(pairs)) != len(pairs):
        raise Broken("this is no client-resp")
    if not set(dict(pairs)) <= {b"auth", b"host", b"port"}:
        raise Broken("pairs that RFC 7628 doesn't know")
    failure = b'{"status":"invalid_token","scope":"example_scope",' \
        b'"openid-configuration":"https://example.com/.well-known/openid-configuration"}'
    yield from oauth(account, name_decoded(message["authzid"]), bearer[1], failure, (b"\1",))


def xoauth2(account):
    """As Google and Microsoft document it."""
    response = re.fullmatch(rb"user=([^\0\x01]*)\x01auth=Bearer ([!-~]+)\x01\x01", (yield None))
    if not response:
        raise Broken("this is no initial response")
    failure = b'{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}\n'
    yield from oauth(account, response[1], response[2], failure, (b"", b"\1"))


MECHANISMS = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram_md5,
    "SCRAM-SHA-1": scram,
    "SCRAM-SHA-256": scram,
    "SCRAM-SHA-256-PLUS": scram,
    "EXTERNAL": external,
    "OAUTHBEARER": oauthbearer,
    "XOAUTH2": xoauth2,
}
OPTIONS = re.compile(r"(start|(say|end)[1-9]|forever|ok|no|ir|prompt[12]|challenge|nonce|salt|i|"
                     r"r|s|count|first|v|final|bind|cert|json)=.*")


def usable(argument):
    """True where the words make sense."""
    words = argument.split()
    return len(words) >= 3 and words[0] in MECHANISMS and all(map(OPTIONS.fullmatch, words[3:]))


# --- the exchange -------------------------------------------------------------------

def serve(account, read, send):
    """Plays one exchange.  read() gives the client's next line, send(line) takes one of ours.

    Returns the user who is logged in; Refused, Broken and Cut end it otherwise (Refused:
    with its reply sent)."""
    answers = 0

    def answer(line):
        """One that counts."""
        nonlocal answers
        answers += 1
        send(account.text("end%d" % answers, b"") or account.text("say%d" % answers, line))
        if "end%d" % answers in account.options:
            raise Cut

    def response():
        account.last = read()
        if account.last == b"*":
            send(b"501 5.7.0 cancelled")
            raise Broken("the client cancels")
        return decode(account.last)

    line = read()
    auth = re.fullmatch(rb"AUTH ([A-Z0-9-]+)(?: (\S+))?", line)
    if not auth or auth[1].decode() != account.name:
        raise Broken("this is no AUTH %s" % account.name)
    if len(line) > 510:
        raise Broken("a command of %d octets" % len(line))      # RFC 4954 4
    while "forever" in account.options:
        send(account.text("forever", b""))
        try:
            account.last = read()
        except Broken:
            raise Cut from None     # it has gone
    steps = MECHANISMS[account.name](account)
    challenge = next(steps)
    if auth[2] and (challenge is not None or account.options.get("ir") == "never"):
        raise Broken("an initial response")
    if not auth[2] and account.options.get("ir") == "must":
        raise Broken("no initial response")
    try:
        if auth[2]:
            account.last = auth[2]
            challenge = steps.send(b"" if auth[2] == b"=" else decode(auth[2]))
        elif challenge is None:
            send(account.text("start", b"334 "))
            challenge = steps.send(response())
        while True:
            answer(b"334 " + base64.b64encode(challenge))
            challenge = steps.send(response())
    except StopIteration:
        answer(account.text("ok", b"235 2.7.0 ok"))
    except Refused:
        answer(account.text("no", b"535 5.7.8 authentication credentials invalid"))
        raise
    return account.user


def main():
    if not usable(" ".join(sys.argv[1:])):
        print(__doc__, file=sys.stderr)
        return 64
    account = Account(sys.argv[1:], client_cert=b"")
    if "cert" in account.options and os.path.exists(account.options["cert"]):
        with open(account.options["cert"], encoding="ascii") as pem:
            account.server_cert = ssl.PEM_cert_to_DER_cert(
                re.search("-+BEGIN.*?-+END CERTIFICATE-+", pem.read(), re.S)[0])

    def read():
        line = sys.stdin.buffer.readline()
        if not line:
            raise Broken("EOF")
        return line.rstrip(b"\r\n")

    def send(line):
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()

    try:
        serve(account, read, send)
    except Refused as error:
        print(error, file=sys.stderr)
        return 1
    except Broken as error:
        print(error, file=sys.stderr)
        return 2
    except Cut:
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
