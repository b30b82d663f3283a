#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Makes the certificates of 35-certificates.bats: table.py DIR

DIR/NAME.pem        what a server shows for the row NAME, leaf first
DIR/NAME.key        its key (a link into DIR/keys)
DIR/NAME.roots.pem  what tls_trust names, where that isn't DIR/root.pem
DIR/NAME.hello      a server's half of a handshake (see peer.py), for what OpenSSL wouldn't do: show
                    what is no certificate, or a key that it doesn't have

The DER is put together here, byte by byte, because no tool makes most of what is wrong; only keys
and signatures are OpenSSL's.  A row's name is the one in the tests; what is odd about it is in its
line below.  Unless something else is said a leaf is for localhost, P-256, signed with SHA-256.
"""
import base64
import ctypes
import ctypes.util
import hashlib
import os
import subprocess
import sys
import time

DIR = sys.argv[1]


# --- DER (X.690) --------------------------------------------------------------------

def tlv(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    count = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | count]) + size.to_bytes(count, "big") + body


def seq(*parts):
    return tlv(0x30, *parts)


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean(value):
    return tlv(0x01, b"\xff" if value else b"\x00")


def octets(body):
    return tlv(0x04, body)


def bits(body, unused=0):
    return tlv(0x03, bytes([unused]), body)


def oid(dotted):
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = b""
    for arc in [first * 40 + second] + rest:
        part = bytes([arc & 0x7f])
        while arc := arc >> 7:
            part = bytes([0x80 | arc & 0x7f]) + part
        body += part
    return tlv(0x06, body)


NULL = tlv(0x05)
UTF8, PRINTABLE, T61, BMP = 0x0c, 0x13, 0x14, 0x1e


def name(text, tag=UTF8):
    """A Name of one common name; of none where the text is empty."""
    if isinstance(text, str):
        text = text.encode("utf-8")
    return seq(tlv(0x31, seq(oid("2.5.4.3"), tlv(tag, text)))) if text else seq()


# --- keys and signatures ------------------------------------------------------------

def ec(curve):
    return ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve]


def rsa(size, primes=2):
    # More and smaller primes are found sooner; the public key is like any other.
    return ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:%d" % size,
            "-pkeyopt", "rsa_keygen_primes:%d" % primes]


KEYS = {
    "leaf": ec("P-256"), "root": ec("P-256"), "middle": ec("P-256"), "other": ec("P-256"),
    "p384": ec("P-384"), "p521": ec("P-521"), "k256": ec("secp256k1"),
    "rsa1024": rsa(1024), "rsa2048": rsa(2048), "rsa3072": rsa(3072, 3), "rsa4096": rsa(4096, 4),
    "pss": ["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["genpkey", "-algorithm", "ED25519"],
}


def key_path(key):
    return "%s/keys/%s.key" % (DIR, key)


def noise(size, seed):
    """Bytes without a meaning, the same each time; the first bit is set, the last, too."""
    body = bytearray(hashlib.shake_256(seed.encode("ascii")).digest(size))
    body[0] |= 0x80
    body[-1] |= 1
    return bytes(body)


def big(size):
    return int.from_bytes(noise(size, str(size)), "big")


def make_keys():
    """All at a time; returns the SubjectPublicKeyInfo of each."""
    os.makedirs(DIR + "/keys")
    os.umask(0o077)
    makers = [subprocess.Popen(["openssl", *words, "-out", key_path(key)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
              for key, words in KEYS.items()]
    if any([maker.wait() for maker in makers]):
        sys.exit("openssl made no key")
    os.umask(0o022)
    return {key: public_key(key) for key in KEYS}


# Keys that nobody has: to make them would take long, and a look at their kind must be enough.
MADE_UP = {
    "rsa4104": seq(seq(oid("1.2.840.113549.1.1.1"), NULL),
                   bits(seq(integer(big(513)), integer(65537)))),
    "rsa4608": seq(seq(oid("1.2.840.113549.1.1.1"), NULL),
                   bits(seq(integer(big(576)), integer(65537)))),
    "dsa": seq(seq(oid("1.2.840.10040.4.1"), seq(integer(big(128)), integer(big(20)), integer(4))),
               bits(integer(big(127)))),
}

CRYPTO = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ("BIO_new_mem_buf", "PEM_read_bio_PrivateKey", "EVP_MD_CTX_new",
              "EVP_get_digestbyname"):
    getattr(CRYPTO, _name).restype = ctypes.c_void_p
LOADED = {}


def private_key(key):
    """An EVP_PKEY, kept."""
    if key not in LOADED:
        with open(key_path(key), "rb") as file:
            text = file.read()
        bio = ctypes.c_void_p(CRYPTO.BIO_new_mem_buf(text, len(text)))
        LOADED[key] = ctypes.c_void_p(CRYPTO.PEM_read_bio_PrivateKey(bio, None, None, None))
        if not LOADED[key]:
            sys.exit("libcrypto can't load the key " + key)
    return LOADED[key]


def public_key(key):
    out = ctypes.c_void_p()
    size = CRYPTO.i2d_PUBKEY(private_key(key), ctypes.byref(out))
    return ctypes.string_at(out, size)


def with_null(dotted):
    return seq(oid(dotted), NULL)


SHA256 = with_null("2.16.840.1.101.3.4.2.1")
ALGORITHMS = {
    ("ec", "sha1"): seq(oid("1.2.840.10045.4.1")),
    ("ec", "sha256"): seq(oid("1.2.840.10045.4.3.2")),
    ("ec", "sha384"): seq(oid("1.2.840.10045.4.3.3")),
    ("ec", "sha512"): seq(oid("1.2.840.10045.4.3.4")),
    ("rsa", "md5"): with_null("1.2.840.113549.1.1.4"),
    ("rsa", "sha1"): with_null("1.2.840.113549.1.1.5"),
    ("rsa", "sha256"): with_null("1.2.840.113549.1.1.11"),
    ("rsa", "sha512"): with_null("1.2.840.113549.1.1.13"),
    ("pss", "sha256"): seq(oid("1.2.840.113549.1.1.10"), seq(
        tlv(0xa0, SHA256), tlv(0xa1, seq(oid("1.2.840.113549.1.1.8"), SHA256)),
        tlv(0xa2, integer(32)))),
    ("ed25519", "sha256"): seq(oid("1.3.101.112")),
    ("dsa", "sha256"): seq(oid("2.16.840.1.101.3.4.3.2")),
}


def family(key, pss):
    """Which column of ALGORITHMS: what a key signs with."""
    if pss or key == "pss":
        return "pss"
    if key in ("ed25519", "dsa"):
        return key
    return "rsa" if key.startswith("rsa") else "ec"


PSS_PADDING = 6


def sign(key, digest, kind, data):
    if key in MADE_UP:
        return noise(len(MADE_UP[key]), "signed")
    context, options = ctypes.c_void_p(CRYPTO.EVP_MD_CTX_new()), ctypes.c_void_p()
    hashed = None if kind == "ed25519" else ctypes.c_void_p(
        CRYPTO.EVP_get_digestbyname(digest.encode("ascii")))
    size, out = ctypes.c_size_t(1024), ctypes.create_string_buffer(1024)
    good = CRYPTO.EVP_DigestSignInit(context, ctypes.byref(options), hashed, None,
                                     private_key(key)) == 1
    if kind == "pss":
        good = good and CRYPTO.EVP_PKEY_CTX_set_rsa_padding(options, PSS_PADDING) == 1
        good = good and CRYPTO.EVP_PKEY_CTX_set_rsa_pss_saltlen(options, 32) == 1
    if not good or CRYPTO.EVP_DigestSign(context, out, ctypes.byref(size), data,
                                         ctypes.c_size_t(len(data))) != 1:
        sys.exit("libcrypto can't sign: %s, %s, %s" % (key, digest, kind))
    CRYPTO.EVP_MD_CTX_free(context)
    return out.raw[:size.value]


# --- extensions ---------------------------------------------------------------------

def ext(dotted, value, critical=False):
    return seq(oid(dotted), boolean(True) if critical else b"", octets(value))


def san(*names, critical=False):
    return ext("2.5.29.17", seq(*names), critical)


def dns(text):
    return tlv(0x82, text if isinstance(text, bytes) else text.encode("ascii"))


def address(*numbers):
    return tlv(0x87, bytes(numbers))


LOOPBACK6 = (0,) * 15 + (1,)


def email(text):
    return tlv(0x81, text.encode("ascii"))


def uri(text):
    return tlv(0x86, text.encode("ascii"))


def constraints(ca, length=None):
    """BasicConstraints."""
    return ext("2.5.29.19", seq(boolean(True) if ca else b"",
                                b"" if length is None else integer(length)), True)


SIGNATURE, ENCIPHERMENT, AGREEMENT, CERT_SIGN = 0x80, 0x20, 0x08, 0x04


def usage(flags):
    unused = (flags & -flags).bit_length() - 1
    return ext("2.5.29.15", bits(bytes([flags]), unused), True)


PURPOSES = {"server": "1.3.6.1.5.5.7.3.1", "client": "1.3.6.1.5.5.7.3.2",
            "email": "1.3.6.1.5.5.7.3.4", "any": "2.5.29.37.0"}


def purposes(*words, critical=False):
    """ExtKeyUsage."""
    return ext("2.5.29.37", seq(*(oid(PURPOSES[word]) for word in words)), critical)


def permitted(*names):
    return seq(tlv(0xa0, *(seq(one) for one in names)))


def excluded(*names):
    return seq(tlv(0xa1, *(seq(one) for one in names)))


def name_constraints(value, critical):
    return ext("2.5.29.30", value, critical)


# --- certificates -------------------------------------------------------------------

SPKI = {**make_keys(), **MADE_UP}
FROM, UNTIL = "200101000000Z", "491231235959Z"
PAST, AHEAD = "240131120000Z", "450101000000Z"     # an end and a beginning that are wrong today


def when(text):
    """A Time: UTCTime or GeneralizedTime, as the text is long."""
    return tlv(0x17 if len(text) == 13 else 0x18, text.encode("ascii"))


class Cert:
    """A certificate; issuer is a Cert, or None for one that signs itself."""
    count = 0

    def __init__(self, subject, issuer, key, extensions, since=FROM, until=UNTIL, version=3,
                 digest="sha256", pss=False, inner=None):
        self.subject = subject if isinstance(subject, bytes) else name(subject)
        self.key = key
        by = issuer or self
        kind = family(by.key, pss)
        outer = ALGORITHMS[kind, digest]
        Cert.count += 1
        body = seq(
            tlv(0xa0, integer(version - 1)) if version > 1 else b"",
            integer(0x10000 + Cert.count), inner or outer, by.subject,
            seq(when(since), when(until)), self.subject, SPKI[key],
            tlv(0xa3, seq(*extensions)) if version == 3 and extensions else b"")
        self.der = seq(body, outer, bits(sign(by.key, digest, kind, body)))


class Bytes:
    """What stands in for a certificate."""

    def __init__(self, der, key="leaf"):
        self.der, self.key = der, key


def changed(cert, old, new):
    """The certificate with bytes changed after it was signed."""
    assert cert.der.count(old) == 1 and len(old) == len(new)
    return Bytes(cert.der.replace(old, new), cert.key)


def bad_signature(cert):
    """The signature's last bit is another."""
    return Bytes(cert.der[:-1] + bytes([cert.der[-1] ^ 1]), cert.key)


FOR_SERVERS = purposes("server")
NOT_CA = constraints(False)
LOCALHOST = san(dns("localhost"))


def leaf(issuer, *more, key="leaf", subject="the server", names=LOCALHOST, use=FOR_SERVERS,
         keyuse=usage(SIGNATURE), basic=NOT_CA, **rest):
    """A server's certificate; names, use, keyuse, basic: b"" to do without."""
    extensions = [one for one in (basic, keyuse, use, names) + more if one]
    return Cert(subject, issuer, key, extensions, **rest)


def ca(subject, issuer, *more, key="middle", basic=constraints(True), keyuse=usage(CERT_SIGN),
       **rest):
    return Cert(subject, issuer, key, [one for one in (basic, keyuse) + more if one], **rest)


# --- rows ---------------------------------------------------------------------------

def pem(der, width=64, line_end="\n", label="CERTIFICATE"):
    digits = base64.b64encode(der).decode("ascii")
    lines = [digits[i:i + width] for i in range(0, len(digits), width)]
    return line_end.join(["-----BEGIN %s-----" % label, *lines, "-----END %s-----" % label, ""]
                         ).encode("ascii")


def write(path, *certs):
    with open("%s/%s" % (DIR, path), "wb") as file:
        for cert in certs:
            file.write(cert if isinstance(cert, bytes) else pem(cert.der))


def row(label, *chain, roots=None):
    write(label + ".pem", *chain)
    os.symlink("keys/%s.key" % chain[0].key, "%s/%s.key" % (DIR, label))
    if roots:
        write(label + ".roots.pem", *roots)


def vector(count, body):
    """TLS's variable-length vector."""
    return len(body).to_bytes(count, "big") + body


def hello(label, *ders, suite=b"\xc0\x2b", scheme=b"\x04\x03", signature=None):
    """ServerHello, Certificate, ServerKeyExchange, ServerHelloDone (RFC 5246 7.4, RFC 8422 5)."""
    point = SPKI["leaf"][-65:]
    signature = signature or sign("other", "sha256", "ec", b"what somebody else says")
    messages = [
        b"\x02" + vector(3, b"\x03\x03" + b"\x5a" * 32 + b"\x00" + suite + b"\x00"),
        b"\x0b" + vector(3, vector(3, b"".join(vector(3, der) for der in ders))),
        b"\x0c" + vector(3, b"\x03\x00\x17" + vector(1, point) + scheme + vector(2, signature)),
        b"\x0e" + vector(3, b""),
    ]
    record = b"".join(b"\x16\x03\x03" + vector(2, message) for message in messages)
    with open("%s/%s.hello" % (DIR, label), "wb") as file:
        file.write(record)


ROOT = ca("Table Root", None, key="root")
write("root.pem", ROOT)
OTHER = ca("Other Root", None, key="other")
MIDDLE = ca("Table Middle", ROOT)
GOOD = leaf(ROOT)
BELOW = leaf(MIDDLE)


def keys():
    row("p256", GOOD)
    for key in ("p384", "p521", "rsa2048", "rsa3072", "rsa4096", "rsa1024", "ed25519", "pss",
                "k256"):
        row(key, leaf(ROOT, key=key))
    for key in ("rsa4104", "rsa4608"):
        hello(key, leaf(ROOT, key=key).der, suite=b"\xc0\x2f", scheme=b"\x04\x01",
              signature=noise(int(key[3:]) // 8, "signed"))
    for key in ("p384", "p521", "rsa2048", "rsa4096"):
        root = ca("Strong Root", None, key=key)
        row("root-" + key, leaf(root), roots=[root])
    for key in ("rsa4608", "rsa1024", "k256", "ed25519", "dsa"):
        root = ca("Odd Root", None, key=key)
        row("root-" + key, leaf(root), roots=[root])
    for key in ("rsa4608", "rsa1024", "ed25519", "k256"):
        middle = ca("Odd Middle", ROOT, key=key)
        row("middle-" + key, leaf(middle), middle)
    # Both kinds: the chain's signatures are RSA, the server's own is not.
    root = ca("Strong Root", None, key="rsa2048")
    middle = ca("Strong Middle", root, key="rsa3072")
    row("mixed-kinds", leaf(middle), middle, roots=[root])


def signatures():
    rsa_root = ca("RSA Root", None, key="rsa2048")
    for digest in ("sha1", "sha384", "sha512"):
        row("ecdsa-" + digest, leaf(ROOT, digest=digest))
    for digest in ("md5", "sha1", "sha512"):
        row("rsa-" + digest, leaf(rsa_root, digest=digest), roots=[rsa_root])
    middle = ca("Old Middle", ROOT, digest="sha1")
    row("middle-sha1", leaf(middle), middle)
    row("signed-pss", leaf(rsa_root, pss=True), roots=[rsa_root])
    old = ca("Old Root", None, key="rsa2048", digest="sha1")
    row("root-sha1", leaf(old), old, roots=[old])
    row("two-algorithms", leaf(ROOT, inner=ALGORITHMS["ec", "sha384"]))
    row("leaf-tampered", bad_signature(GOOD))
    row("name-tampered", changed(leaf(ROOT, names=san(dns("localhosu"))), b"localhosu",
                                 b"localhost"))
    row("middle-tampered", BELOW, bad_signature(MIDDLE))
    fake = ca("Table Root", None, key="other")
    row("fake-root", leaf(fake), fake)
    row("fake-root-left-out", leaf(fake))


def chains():
    second = ca("Second Middle", MIDDLE, key="other")
    lowest = leaf(second)
    strange = leaf(OTHER, subject="a stranger", names=san(dns("stranger.test")))
    row("one-middle", BELOW, MIDDLE)
    row("two-middles", lowest, second, MIDDLE)
    row("wrong-order", lowest, MIDDLE, second)
    row("root-in-the-middle", lowest, ROOT, MIDDLE, second)
    row("root-sent", GOOD, ROOT)
    row("root-and-strangers", BELOW, strange, ROOT, OTHER, MIDDLE, strange)
    row("middle-missing", BELOW)
    row("second-middle-missing", lowest, second)
    row("first-middle-missing", lowest, MIDDLE)
    row("leaf-twice", BELOW, BELOW, MIDDLE)
    row("all-twice", BELOW, MIDDLE, BELOW, MIDDLE, ROOT, ROOT)
    ladder = [ROOT]
    for i in range(16):
        ladder.append(ca("Step %d" % i, ladder[-1], key=("middle", "other")[i % 2]))
    row("sixteen", leaf(ladder[15]), *reversed(ladder[1:16]))
    row("seventeen", leaf(ladder[16]), *reversed(ladder[1:17]))
    row("seventeen-of-which-one-counts", GOOD, *ladder[1:17])
    filler = ext("1.3.6.1.4.1.32473.1", b"x" * 20000)
    heavy = [ca("Heavy %d" % i, ROOT, filler) for i in range(4)]
    row("under-64-kib", BELOW, MIDDLE, *heavy[:3])
    row("over-64-kib", BELOW, MIDDLE, *heavy)
    row("one-over-64-kib", BELOW, MIDDLE,
        ca("Heavy", ROOT, ext("1.3.6.1.4.1.32473.1", b"x" * 70000)))
    row("junk-besides", BELOW, Bytes(leaf(ROOT, ext("2.5.29.17", b"\xff\xff")).der), MIDDLE)
    row("trusted-middle", BELOW, roots=[MIDDLE])
    row("trusted-leaf", GOOD, roots=[GOOD])
    row("trusted-middle-sent", BELOW, MIDDLE, roots=[MIDDLE])


def crossings():
    """One subject and key, several issuers."""
    ended = ca("Ended Root", None, key="other", until=PAST)
    by_other = ca("Table Middle", OTHER)
    by_ended = ca("Table Middle", ended)
    is_ended = ca("Table Middle", ROOT, until=PAST)
    row("crossed-good-first", BELOW, MIDDLE, by_other)
    row("crossed-good-last", BELOW, by_other, MIDDLE)
    row("crossed-with-its-root", BELOW, by_other, OTHER, MIDDLE, ROOT)
    row("crossed-expired-first", BELOW, is_ended, MIDDLE)
    row("crossed-expired-last", BELOW, MIDDLE, is_ended)
    row("crossed-by-an-expired-root", BELOW, by_ended, MIDDLE, roots=[ended, ROOT])
    row("crossed-both-bad", BELOW, by_other, is_ended)
    row("crossed-sha1-first", BELOW, ca("Table Middle", ROOT, digest="sha1"), MIDDLE)
    row("crossed-sha1-last", BELOW, MIDDLE, ca("Table Middle", ROOT, digest="sha1"))
    # A new root, signed by an old one for those who don't know it yet.
    row("root-crossed-by-unknown", GOOD, ca("Table Root", OTHER, key="root"))
    row("root-crossed-by-expired", GOOD, ca("Table Root", ended, key="root"),
        roots=[ROOT, ended])
    row("root-crossed-and-ended", BELOW, MIDDLE, ca("Table Root", ended, key="root", until=PAST),
        roots=[ended, ROOT])
    row("root-crossed-to-a-known-one", BELOW, MIDDLE, ca("Table Root", OTHER, key="root"),
        roots=[OTHER])
    # One subject, several keys.
    twin = ca("Table Root", None, key="other")
    row("twin-roots-first", GOOD, roots=[ROOT, twin])
    row("twin-roots-last", GOOD, roots=[twin, ROOT])
    row("twin-roots-one-expired", GOOD, roots=[ca("Table Root", None, key="other", until=PAST),
                                               ROOT])
    row("renewed-root", GOOD, roots=[ca("Table Root", None, key="root", until=PAST), ROOT])
    row("root-with-a-new-key", GOOD, ca("Table Root", OTHER, key="root"), roots=[twin, OTHER])
    other_key = ca("Table Middle", ROOT, key="other")
    row("twin-middles-first", BELOW, MIDDLE, other_key)
    row("twin-middles-last", BELOW, other_key, MIDDLE)
    # Rings: who follows issuers without end, hangs.
    ring = ca("Ring B", ca("Ring A", None), key="other")
    row("ring", leaf(ring), ring, ca("Ring A", ring))
    maze = ca("Maze", None)
    row("maze", leaf(maze), *(ca("Maze", maze) for _ in range(15)))
    row("maze-with-a-way-out", leaf(maze), *(ca("Maze", maze) for _ in range(14)),
        ca("Maze", ROOT))


def bundles():
    """How tls_trust's file may look."""
    root = ca("Bundled Root", None, key="rsa2048")
    for label, text in (
            ("crlf", pem(root.der, line_end="\r\n")),
            ("wide", pem(root.der, 76)),
            ("one-line", pem(root.der, 10000)),
            ("no-last-line-end", pem(root.der).rstrip()),
            ("with-text", b"Certificate:\n  Data: --- \xff\n" + pem(root.der) + b"\n# the end\n"),
            ("with-a-key", pem(b"\x30\x03\x02\x01\x00", label="PRIVATE KEY") + pem(root.der)),
            ("with-junk", pem(b"junk") + pem(b"\x30\x00") + pem(root.der)),
            ("other-label", pem(root.der, label="X509 CERTIFICATE")),
            ("many", (pem(OTHER.der) + pem(ROOT.der)) * 100 + pem(root.der))):
        row("bundle-" + label, leaf(root), roots=[text])


def authorities():
    """What an issuer must be."""
    def through(label, middle, *more):
        row(label, leaf(middle), middle, *more)

    through("middle-expired", ca("Ended Middle", ROOT, until=PAST))
    through("middle-future", ca("Early Middle", ROOT, since=AHEAD))
    through("middle-not-ca", ca("No CA", ROOT, basic=NOT_CA))
    through("middle-without-constraints", ca("Silent Middle", ROOT, basic=b""))
    through("middle-v1", ca("Plain Middle", ROOT, version=1))
    through("middle-signs-no-certificates", ca("Mute Middle", ROOT, keyuse=usage(SIGNATURE)))
    through("middle-without-key-usage", ca("Any Middle", ROOT, keyuse=b""))
    short = ca("Short Middle", ROOT, basic=constraints(True, 0))
    through("path-length-kept", short)
    through("path-length-exceeded", ca("Too Deep", short, key="other"), short)
    for label, value in (("forbid", excluded(dns("localhost"))),
                         ("permit", permitted(dns("localhost"))),
                         ("permit-half", permitted(dns("calhost")))):
        for critical in (True, False):
            through("names-%s%s" % (label, "-critical" if critical else ""),
                    ca("Narrow Middle", ROOT, name_constraints(value, critical)))
    through("middle-unknown-critical", ca("Strange Middle", ROOT,
                                          ext("1.3.6.1.4.1.32473.2", NULL, True)))
    through("middle-for-servers", ca("Server Middle", ROOT, purposes("server", "client")))
    through("middle-for-mail", ca("Mail Middle", ROOT, purposes("email")))
    through("middle-by-a-leaf", ca("Forged Middle", leaf(ROOT, subject="a leaf"), key="other"),
            leaf(ROOT, subject="a leaf"))
    root = ca("Ended Root", None, key="other", until=PAST)
    row("root-expired", leaf(root), roots=[root])
    row("root-expired-sent", leaf(root), root, roots=[root, ROOT])
    root = ca("Plain Root", None, key="other", version=1)
    row("root-v1", leaf(root), roots=[root])
    row("root-v1-sent", leaf(root), root, roots=[root])
    root = ca("No CA", None, key="other", basic=NOT_CA)
    row("root-not-ca", leaf(root), roots=[root])


def leaves():
    """What a server's certificate must be, but for its names."""
    for label, words in (("server-client", ("server", "client")), ("any", ("any",)),
                         ("client", ("client",)), ("email-client", ("email", "client"))):
        row("for-" + label, leaf(ROOT, use=purposes(*words)))
    row("for-server-critical", leaf(ROOT, use=purposes("server", critical=True)))
    row("for-client-critical", leaf(ROOT, use=purposes("client", critical=True)))
    row("for-nothing-said", leaf(ROOT, use=b""))
    row("no-extension-but-names", leaf(ROOT, use=b"", keyuse=b"", basic=b""))
    row("key-only-enciphers", leaf(ROOT, key="rsa2048", keyuse=usage(ENCIPHERMENT)))
    row("key-only-agrees", leaf(ROOT, keyuse=usage(AGREEMENT)))
    row("unknown-critical", leaf(ROOT, ext("1.3.6.1.4.1.32473.2", NULL, True)))
    # RFC 6962 3.1: the poison of a certificate that was never issued.
    row("precertificate", leaf(ROOT, ext("1.3.6.1.4.1.11129.2.4.3", NULL, True)))
    row("unknown-not-critical", leaf(ROOT, ext("1.3.6.1.4.1.32473.2", NULL)))
    row("must-staple", leaf(ROOT, ext("1.3.6.1.5.5.7.1.24", seq(integer(5)))))
    row("policies", leaf(ROOT, ext("2.5.29.32", seq(seq(oid("2.23.140.1.2.1"))))))
    row("is-a-ca", leaf(ROOT, basic=constraints(True)))
    row("self-signed", leaf(None))
    own = leaf(None, basic=constraints(True), keyuse=usage(SIGNATURE | CERT_SIGN))
    row("self-signed-ca-trusted", own, roots=[own])
    own = leaf(None)
    row("self-signed-trusted", own, roots=[own])
    row("self-signed-other-trusted", leaf(None, subject="the server"),
        roots=[leaf(None, key="other")])
    own = leaf(None, until=PAST)
    row("self-signed-expired-trusted", own, roots=[own])
    row("v1", Cert("localhost", ROOT, "leaf", [], version=1))
    row("expired", leaf(ROOT, until=PAST))
    yesterday = time.gmtime(time.time() - 86400)
    row("expired-yesterday", leaf(ROOT, until=time.strftime("%y%m%d%H%M%SZ", yesterday)))
    row("future", leaf(ROOT, since=AHEAD))
    row("until-2050", leaf(ROOT, until="20500101000000Z"))
    row("until-9999", leaf(ROOT, until="99991231235959Z"))
    row("general-before-2050", leaf(ROOT, since="20200101000000Z", until="20491231235959Z"))
    row("since-1950", leaf(ROOT, since="500101000000Z"))
    row("until-1951", leaf(ROOT, since="500101000000Z", until="510101000000Z"))
    row("dates-swapped", leaf(ROOT, since=UNTIL, until=FROM))
    row("month-13", leaf(ROOT, until="491331235959Z"))


def names():
    """Whom a certificate names, and how."""
    def named(label, *names_, **rest):
        row("name-" + label, leaf(ROOT, names=san(*names_), **rest))

    named("upper-case", dns("LOCALHOST"))
    named("second", dns("elsewhere.test"), dns("localhost"))
    named("other", dns("elsewhere.test"), dns("www.elsewhere.test"), address(192, 0, 2, 7),
          subject="localhost")
    named("many", *(dns("n%d.elsewhere.test" % i) for i in range(1, 401)), dns("localhost"))
    named("many-others", *(dns("n%d.elsewhere.test" % i) for i in range(1, 401)))
    named("longer", dns("localhost.evil.test"), dns("evil-localhost"), dns("localhos"))
    named("wildcard", dns("*.mail.test"))
    named("wildcard-of-a-domain", dns("*.test"))
    named("wildcard-alone", dns("*"))
    named("wildcard-with-a-prefix", dns("s*.mail.test"))
    named("wildcard-with-a-suffix", dns("*p.mail.test"))
    named("two-wildcards", dns("*.*.test"))
    named("wildcard-second", dns("smtp.*.test"))
    named("wildcard-of-an-address", dns("*.0.0.1"))
    named("without-its-label", dns(".mail.test"))
    named("with-zero", dns(b"localhost\x00.evil.test"))
    named("with-controls", dns(b"evil\r\n250 ok\x1b[2J.test"))
    named("high-bytes", dns(b"caf\xe9.test"))
    named("empty", dns(""))
    row("name-none", leaf(ROOT, names=b"", subject="localhost"))
    row("name-none-within", leaf(ROOT, names=san(), subject="localhost"))
    named("email-only", email("postmaster@localhost"), subject="localhost")
    named("email-like", email("localhost"), uri("localhost"), subject="localhost")
    named("uri-only", uri("https://localhost/"), subject="localhost")
    named("address", address(127, 0, 0, 1), subject="127.0.0.1")
    named("address6", address(*LOOPBACK6))
    named("other-address", address(127, 0, 0, 2), dns("localhost"), subject="127.0.0.1")
    named("mapped-address", address(*((0,) * 10 + (255, 255, 127, 0, 0, 1))))
    named("address-and-mask", address(127, 0, 0, 1, 255, 255, 255, 255))
    named("address-as-name", dns("127.0.0.1"), subject="127.0.0.1")
    named("short-address", address(127, 0, 0))
    row("name-critical", leaf(ROOT, names=san(dns("localhost"), critical=True)))
    # Names of people and of CAs.
    row("subject-empty", leaf(ROOT, subject=name(""), names=san(dns("localhost"), critical=True)))
    row("subject-long", leaf(ROOT, subject="long " * 2000))
    root = ca("long " * 500, None, key="other")
    row("issuer-long", leaf(root), root)
    row("issuer-long-trusted", leaf(root), roots=[root])
    for label, subject in (
            ("utf8", name("Z\u00fcrich \u4e2d\u6587 Root")),
            ("bmp", name("Wide Root".encode("utf-16-be"), BMP)),
            ("t61", name(b"Caf\xe9 Root", T61)),
            ("printable", name("Printable Root", PRINTABLE)),
            ("controls", name("Bad\r\n250 Root\x1b[2J\0\u009b2J"))):
        root = ca(subject, None, key="other")
        row("issuer-" + label, leaf(root))
        row("issuer-%s-trusted" % label, leaf(root), roots=[root])
    row("issuer-nameless", leaf(ca(name(""), None, key="other")))


def hellos():
    hello("wrong-key", GOOD.der)
    hello("no-certificates")
    hello("leaf-empty", b"", MIDDLE.der)
    hello("leaf-cut", GOOD.der[:-40])
    hello("leaf-cut-early", GOOD.der[:30], GOOD.der)
    hello("leaf-garbage", b"\x16" * 300, GOOD.der)
    hello("leaf-indefinite", b"\x30\x80" + GOOD.der[4:] + b"\x00\x00")
    hello("leaf-and-more", GOOD.der + b"\x00more")
    hello("leaf-text", pem(GOOD.der))
    hello("names-twice", leaf(ROOT, san(dns("elsewhere.test"))).der)
    hello("leaf-deep", b"".join(b"\x30\x82" + (4 * left).to_bytes(2, "big")
                                for left in reversed(range(4000))))


keys()
signatures()
chains()
crossings()
bundles()
authorities()
leaves()
names()
hellos()
