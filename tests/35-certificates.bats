#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# A table of servers' certificates, good and bad, each tried on both ports: an odd one that proves
# who the server is opens the way; any other is 76, with the facts, and not a byte of ours follows.
# How a row is read stands in tls.py, what is odd about its certificate in certs/table.py.

load lib
load tls
setup_file() { setup_tls; }
teardown_file() { teardown_tls; }
setup() { setup_case; }
teardown() { teardown_case; }

# --- Goal: each kind of key and signature that BearSSL has is taken, if it is strong enough.

@test "P-256, P-384 and P-521 are taken" {
    rows "$CERTS/table" <<'END'
        good p256 p384 p521 root-p384 root-p521
END
}

@test "RSA from 2048 to 4096 is taken" {
    rows "$CERTS/table" <<'END'
        good rsa2048 rsa3072 rsa4096 root-rsa2048 root-rsa4096 mixed-kinds
END
}

@test "SHA-384 and SHA-512 are taken" {
    rows "$CERTS/table" <<'END'
        good ecdsa-sha384 ecdsa-sha512 rsa-sha512
END
}

@test "how a root has signed itself doesn't matter" {
    rows "$CERTS/table" <<'END'
        good root-sha1
END
}

# --- Goal: the weak ones, and those that BearSSL doesn't have, are refused by name.

@test "RSA under 2048 is refused, wherever it is in the chain" {
    rows "$CERTS/table" <<'END'
        bad rsa1024 2048 'CN=the server'
        bad middle-rsa1024 2048 'CN=Odd Middle'
        bad root-rsa1024 2048 'CN=Odd Root'
END
}

@test "RSA over 4096 is refused in words, wherever it is in the chain" {
    rows "$CERTS/table" <<'END'
        # The first fits into BearSSL's buffer for a key, which is a bit larger.
        bad rsa4104 4096 'CN=the server'
        bad rsa4608 4096 'CN=the server'
        bad middle-rsa4608 4096 'CN=Odd Middle'
        bad root-rsa4608 4096 'CN=Odd Root'
END
}

@test "Ed25519 is refused in words, wherever it is in the chain" {
    rows "$CERTS/table" <<'END'
        # The first is OpenSSL's alert: it sees that we can't, and shows no certificate.
        bad ed25519 Ed25519
        bad middle-ed25519 Ed25519 'CN=Odd Middle'
        bad root-ed25519 Ed25519 'CN=the server|CN=Odd Root'
END
}

@test "RSA-PSS is refused in words, as a key and as a signature" {
    rows "$CERTS/table" <<'END'
        bad pss RSA-PSS
        bad signed-pss RSA-PSS 'CN=the server'
END
}

@test "DSA is refused in words" {
    rows "$CERTS/table" <<'END'
        bad root-dsa DSA 'CN=the server|CN=Odd Root'
END
}

@test "another curve is refused in words, wherever it is in the chain" {
    rows "$CERTS/table" <<'END'
        bad k256 'curve|P-256|nothing in common'
        bad middle-k256 curve 'CN=Odd Middle'
        bad root-k256 curve 'CN=Odd Root'
END
}

@test "SHA-1 and MD5 are refused by name" {
    rows "$CERTS/table" <<'END'
        bad ecdsa-sha1 SHA-1 'CN=the server'
        bad rsa-sha1 SHA-1 'CN=the server'
        bad rsa-md5 MD5 'CN=the server'
        bad middle-sha1 SHA-1 'CN=Old Middle'
END
}

@test "a signature by another algorithm than the certificate says is refused" {
    rows "$CERTS/table" <<'END'
        # RFC 5280 4.1.1.2: both places must say the same.
        bad two-algorithms 'algorithm|decoded'
END
}

# --- Goal: one changed bit, or a signature by somebody else, is refused.

@test "a certificate that was changed after it was signed is refused" {
    rows "$CERTS/table" <<'END'
        bad leaf-tampered 'signature|not signed|did not sign' 'CN=the server' 'CN=Table Root'
        bad name-tampered 'signature|not signed|did not sign' 'CN=the server' 'CN=Table Root'
        bad middle-tampered 'signature|not signed|did not sign' 'CN=Table Middle' 'CN=Table Root'
END
}

@test "a root of a trusted one's name, with another key, is no root" {
    rows "$CERTS/table" <<'END'
        bad fake-root 'signature|not signed|did not sign' 'CN=the server' 'CN=Table Root'
        bad fake-root-left-out 'signature|not signed|did not sign' 'CN=the server' 'CN=Table Root'
END
}

@test "a certificate whose key the server doesn't have is refused" {
    rows "$CERTS/table" <<'END'
        bad wrong-key 'signature'
END
}

# --- Goal: what leads to a root may come in any order, with anything besides, up to a bound.

@test "intermediates in any order, with or without their root, are taken" {
    rows "$CERTS/table" <<'END'
        good one-middle two-middles wrong-order root-in-the-middle root-sent
END
}

@test "what else a server sends is passed over" {
    rows "$CERTS/table" <<'END'
        good root-and-strangers leaf-twice all-twice junk-besides
END
}

@test "sixteen certificates are taken, seventeen are too many" {
    rows "$CERTS/table" <<'END'
        good sixteen
        bad seventeen 'too (large|long|many)' '\b16\b'
        bad seventeen-of-which-one-counts 'too (large|long|many)' '\b16\b'
END
}

@test "64 KiB of certificates are taken, more are too many" {
    rows "$CERTS/table" <<'END'
        good under-64-kib
        bad over-64-kib 'too (large|long|many)' '\b64 ?KiB'
        bad one-over-64-kib 'too (large|long|many)' '\b64 ?KiB'
END
}

@test "a missing intermediate is refused, and named" {
    rows "$CERTS/table" <<'END'
        bad middle-missing 'trusted root' 'CN=the server' 'CN=Table Middle'
        bad second-middle-missing 'trusted root' 'CN=the server|CN=Second Middle' 'CN=Table Middle'
        bad first-middle-missing 'trusted root' 'CN=the server' 'CN=Second Middle'
END
}

@test "an intermediate or a server that tls_trust names is as good as a root" {
    rows "$CERTS/table" <<'END'
        good trusted-middle trusted-middle-sent trusted-leaf
END
}

@test "the file of tls_trust may have any shape that PEM has" {
    rows "$CERTS/table" <<'END'
        good bundle-crlf bundle-wide bundle-one-line bundle-no-last-line-end bundle-other-label
        good bundle-with-text bundle-with-a-key bundle-with-junk bundle-many
END
}

# --- Goal: of several ways to a root one that holds is enough, wherever its parts stand.

@test "an intermediate that a trusted and an unknown root have signed is taken" {
    rows "$CERTS/table" <<'END'
        good crossed-good-first crossed-good-last crossed-with-its-root
END
}

@test "an intermediate in an expired and a new edition is taken" {
    rows "$CERTS/table" <<'END'
        good crossed-expired-first crossed-expired-last
END
}

@test "an intermediate in an edition signed with SHA-1 and a new one is taken" {
    rows "$CERTS/table" <<'END'
        good crossed-sha1-first crossed-sha1-last
END
}

@test "an intermediate that an expired root has signed, too, is taken" {
    rows "$CERTS/table" <<'END'
        good crossed-by-an-expired-root
END
}

@test "an intermediate in several editions, none of which counts, is refused" {
    rows "$CERTS/table" <<'END'
        bad crossed-both-bad 'trusted root|expired' 'CN=Table Middle|CN=Other Root'
END
}

@test "a trusted root that comes as another's intermediate is taken" {
    rows "$CERTS/table" <<'END'
        good root-crossed-by-unknown root-crossed-by-expired root-crossed-and-ended
        good root-crossed-to-a-known-one
END
}

@test "of several roots of one name any will do" {
    rows "$CERTS/table" <<'END'
        good twin-roots-first twin-roots-last twin-roots-one-expired renewed-root
END
}

@test "a root that has a new key since is reached by its old one's issuer" {
    rows "$CERTS/table" <<'END'
        good root-with-a-new-key
END
}

@test "of several intermediates of one name any will do" {
    rows "$CERTS/table" <<'END'
        good twin-middles-first twin-middles-last
END
}

@test "intermediates that lead in circles hold us up in no way" {
    rows "$CERTS/table" <<'END'
        bad ring 'trusted root' 'CN=Ring [AB]' within=2
        bad maze 'trusted root' 'CN=Maze' within=2
        good maze-with-a-way-out within=2
END
}

# --- Goal: who issues certificates must be allowed to, and in date.

@test "an intermediate out of date is refused, with its date and our clock" {
    rows "$CERTS/table" <<'END'
        bad middle-expired 'CN=Ended Middle' 'expired 2024-01-31 12:00 UTC' 'clock says TODAY '
        bad middle-future 'CN=Early Middle' 'not valid before 2045-01-01 00:00 UTC' \
            'clock says TODAY '
END
}

@test "an expired root is refused, with its date and our clock" {
    rows "$CERTS/table" <<'END'
        bad root-expired 'CN=Ended Root' 'expired 2024-01-31 12:00 UTC' 'clock says TODAY '
        bad root-expired-sent 'CN=Ended Root' 'expired 2024-01-31 12:00 UTC' 'clock says TODAY '
END
}

@test "an intermediate that doesn't say it is a CA is refused, and named" {
    rows "$CERTS/table" <<'END'
        bad middle-not-ca 'may not issue|no CA' 'CN=No CA'
        bad middle-without-constraints 'may not issue|no CA' 'CN=Silent Middle'
        bad middle-v1 'may not issue|no CA' 'CN=Plain Middle'
        bad middle-by-a-leaf 'may not issue|no CA' 'CN=a leaf'
END
}

@test "a root of version 1, which can't say so, is taken" {
    rows "$CERTS/table" <<'END'
        good root-v1 root-v1-sent
END
}

@test "a certificate in tls_trust that is no CA issues none" {
    rows "$CERTS/table" <<'END'
        bad root-not-ca 'may not issue|no CA' 'CN=No CA'
END
}

@test "an intermediate whose key is for something else is refused" {
    rows "$CERTS/table" <<'END'
        good middle-without-key-usage
        bad middle-signs-no-certificates 'may not issue|not for' 'CN=Mute Middle'
END
}

@test "an intermediate for other things than servers is refused" {
    rows "$CERTS/table" <<'END'
        good middle-for-servers
        bad middle-for-mail 'not for servers' 'CN=Mail Middle'
END
}

@test "a chain longer than a path length allows is refused" {
    rows "$CERTS/table" <<'END'
        good path-length-kept
        bad path-length-exceeded 'may not issue|path' 'CN=Short Middle|CN=Too Deep'
END
}

@test "name constraints that must be understood are refused by name" {
    rows "$CERTS/table" <<'END'
        bad names-permit-critical 'name constraints' 'CN=Narrow Middle'
        bad names-forbid-critical 'name constraints' 'CN=Narrow Middle'
END
}

@test "name constraints that needn't be understood count all the same" {
    rows "$CERTS/table" <<'END'
        good names-permit
        bad names-permit-half 'name constraints' 'CN=Narrow Middle'
        bad names-forbid 'name constraints' 'CN=Narrow Middle'
END
}

# --- Goal: what a server's certificate is for counts, critical or not.

@test "a certificate for servers is taken" {
    rows "$CERTS/table" <<'END'
        good for-server-client for-any for-nothing-said no-extension-but-names is-a-ca
END
}

@test "a certificate whose use is a critical extension is refused: BearSSL doesn't know it" {
    rows "$CERTS/table" <<'END'
        bad for-server-critical 'critical extension' 'extended key usage' 'CN=the server'
END
}

@test "a certificate for other things than servers is refused" {
    rows "$CERTS/table" <<'END'
        bad for-client 'not for servers' 'CN=the server'
        bad for-client-critical 'not for servers' 'CN=the server'
        bad for-email-client 'not for servers' 'CN=the server'
END
}

@test "a key that may not sign is refused" {
    rows "$CERTS/table" <<'END'
        # The second is OpenSSL's alert.
        bad key-only-enciphers 'not for this use|may not sign'
        bad key-only-agrees 'not for this use|may not sign|nothing in common'
END
}

# --- Goal: an extension that nobody knows counts if it is critical, and only then.

@test "an extension that nobody knows, and needn't, is passed over" {
    rows "$CERTS/table" <<'END'
        good unknown-not-critical must-staple policies
END
}

@test "a critical extension that nobody knows is refused, and named" {
    rows "$CERTS/table" <<'END'
        bad unknown-critical 'critical extension' 'CN=the server' '1\.3\.6\.1\.4\.1\.32473\.2'
        bad precertificate 'critical extension' 'CN=the server' '1\.3\.6\.1\.4\.1\.11129\.2\.4\.3'
        bad middle-unknown-critical 'critical extension' 'CN=Strange Middle' \
            '1\.3\.6\.1\.4\.1\.32473\.2'
END
}

# --- Goal: who signs himself is believed where tls_trust names him, and nowhere else.

@test "a self-signed certificate that tls_trust names is taken" {
    rows "$CERTS/table" <<'END'
        good self-signed-trusted self-signed-ca-trusted
END
}

@test "a self-signed certificate that tls_trust doesn't name is refused" {
    rows "$CERTS/table" <<'END'
        bad self-signed 'trusted root|self-signed' 'CN=the server'
        bad self-signed-other-trusted 'trusted root|self-signed|signature' 'CN=the server'
END
}

@test "a self-signed certificate that has expired is refused, even if tls_trust names it" {
    rows "$CERTS/table" <<'END'
        bad self-signed-expired-trusted 'CN=the server' 'expired 2024-01-31 12:00 UTC' \
            'clock says TODAY '
END
}

# --- Goal: dates count, in each form they have.

@test "a certificate in date is taken, however long" {
    rows "$CERTS/table" <<'END'
        good until-2050 until-9999 general-before-2050 since-1950
END
}

@test "an expired certificate is refused, with its date and our clock" {
    local until
    until=$(openssl x509 -in "$CERTS/table/expired-yesterday.pem" -noout -enddate)
    until=$(date -u -d "${until#*=}" '+%F %H:%M')
    rows "$CERTS/table" <<END
        bad expired 'CN=the server' 'expired 2024-01-31 12:00 UTC' 'clock says TODAY '
        bad until-1951 'CN=the server' 'expired 1951-01-01 00:00 UTC' 'clock says TODAY '
        bad expired-yesterday 'CN=the server' 'expired $until UTC' 'clock says TODAY '
END
}

@test "a certificate that isn't valid yet is refused, with its date and our clock" {
    rows "$CERTS/table" <<'END'
        bad future 'CN=the server' 'not valid before 2045-01-01 00:00 UTC' 'clock says TODAY '
END
}

@test "a certificate with impossible dates is refused" {
    rows "$CERTS/table" <<'END'
        bad dates-swapped 'CN=the server' '2049-12-31|2020-01-01' 'clock says TODAY '
        bad month-13 'decoded|date'
END
}

# --- Goal: the host is among the dNSNames or iPAddresses, whole; nothing else is a name.

@test "the host's name is found among others, without case" {
    rows "$CERTS/table" <<'END'
        good name-upper-case name-second name-many name-critical
        good p256 tls_name=LocalHost.
END
}

@test "other names are refused, and told" {
    rows "$CERTS/table" <<'END'
        bad name-other 'not for localhost' 'elsewhere\.test, www\.elsewhere\.test, 192\.0\.2\.7'
        bad name-longer 'not for localhost' 'localhost\.evil\.test'
END
}

@test "of many other names some are told, and that there are more" {
    rows "$CERTS/table" <<'END'
        bad name-many-others 'not for localhost' 'n1\.elsewhere\.test, n2\.elsewhere\.test, ' \
            'and [0-9]+ more'
END
}

@test "a wildcard stands for one label" {
    rows "$CERTS/table" <<'END'
        good name-wildcard tls_name=smtp.mail.test
        bad name-wildcard 'not for a\.b\.mail\.test' '\*\.mail\.test' tls_name=a.b.mail.test
        bad name-wildcard 'not for mail\.test' '\*\.mail\.test' tls_name=mail.test
        bad name-without-its-label 'not for smtp' 'for .*\.mail\.test' tls_name=smtp.mail.test
END
}

@test "a wildcard with less than two labels behind it is refused" {
    rows "$CERTS/table" <<'END'
        bad name-wildcard-of-a-domain 'not for smtp\.test' '\*\.test' tls_name=smtp.test
        bad name-wildcard-alone 'not for localhost' 'for .*\*'
END
}

@test "a wildcard that isn't the whole of the first label is refused" {
    rows "$CERTS/table" <<'END'
        bad name-wildcard-with-a-prefix 'not for smtp' 's\*\.mail\.test' tls_name=smtp.mail.test
        bad name-wildcard-with-a-suffix 'not for smtp' '\*p\.mail\.test' tls_name=smtp.mail.test
        bad name-two-wildcards 'not for smtp' '\*\.\*\.test' tls_name=smtp.mail.test
        bad name-wildcard-second 'not for smtp' 'smtp\.\*\.test' tls_name=smtp.mail.test
END
}

@test "a name with bytes that no name has is refused, and readable" {
    rows "$CERTS/table" <<'END'
        bad name-with-zero 'not for localhost' 'localhost.+evil\.test'
        bad name-with-controls 'not for localhost' 'evil\?\?250 ok\?\[2J\.test'
        bad name-high-bytes 'not for localhost' 'caf.{1,4}\.test'
END
}

@test "an empty name is none, and told" {
    rows "$CERTS/table" <<'END'
        bad name-empty 'not for localhost' 'but for (""|no name|an empty)'
END
}

@test "the common name doesn't count, and that is told" {
    rows "$CERTS/table" <<'END'
        bad name-none 'not for localhost' 'no (alternative )?name' 'CN=localhost'
        bad name-none-within 'not for localhost' 'no (alternative )?name' 'CN=localhost'
        bad v1 'not for localhost' 'no (alternative )?name' 'CN=localhost'
END
}

@test "addresses for mail and URIs are no names" {
    rows "$CERTS/table" <<'END'
        bad name-email-only 'not for localhost' 'no (alternative )?name'
        bad name-email-like 'not for localhost' 'no (alternative )?name'
        bad name-uri-only 'not for localhost' 'no (alternative )?name'
END
}

@test "an address is found among the addresses, in any spelling" {
    rows "$CERTS/table" <<'END'
        good name-address tls_name=127.0.0.1
        good name-address6 tls_name=::1
        good name-address6 tls_name=0:0:0:0:0:0:0:1
END
}

@test "a name is no address, and an address no name" {
    rows "$CERTS/table" <<'END'
        bad name-address 'not for localhost' '127\.0\.0\.1'
        bad p256 'not for 127\.0\.0\.1' 'localhost' tls_name=127.0.0.1
        bad name-wildcard-of-an-address 'not for 127\.0\.0\.1' '\*\.0\.0\.1' tls_name=127.0.0.1
END
}

@test "an address that is written as a name is refused, and told apart" {
    rows "$CERTS/table" <<'END'
        bad name-address-as-name 'not for (the address )?127\.0\.0\.1' \
            'but for .*(name|").*127\.0\.0\.1' tls_name=127.0.0.1
END
}

@test "another address is refused, and told" {
    rows "$CERTS/table" <<'END'
        bad name-other-address 'not for 127\.0\.0\.1' '127\.0\.0\.2, localhost' tls_name=127.0.0.1
        bad name-mapped-address 'not for 127\.0\.0\.1' '::ffff:(127\.0\.0\.1|7f00:1)' \
            tls_name=127.0.0.1
END
}

@test "an address that is too short or too long is refused, and told" {
    rows "$CERTS/table" <<'END'
        bad name-address-and-mask 'not for 127\.0\.0\.1' 'but for [^ ]' tls_name=127.0.0.1
        bad name-short-address 'not for 127\.0\.0\.1' 'but for [^ ]' tls_name=127.0.0.1
END
}

@test "two lists of names are refused" {
    rows "$CERTS/table" <<'END'
        # RFC 5280 4.2: an extension is there once.
        bad names-twice 'decoded|twice'
END
}

# --- Goal: subjects and issuers may be long, strange or nothing; what is told of them is readable.

@test "a certificate with no subject, or a long one, is taken" {
    rows "$CERTS/table" <<'END'
        good subject-empty subject-long
END
}

@test "a root with a long name is taken" {
    rows "$CERTS/table" <<'END'
        good issuer-long-trusted
END
}

@test "an unknown issuer with a long name is refused in a short line" {
    rows "$CERTS/table" <<'END'
        bad issuer-long 'trusted root' 'CN=long long' '^.{1,500}$'
END
}

@test "a root with a name in any kind of letters is taken" {
    rows "$CERTS/table" <<'END'
        good issuer-utf8-trusted issuer-bmp-trusted issuer-t61-trusted issuer-printable-trusted
        good issuer-controls-trusted
END
}

@test "an unknown issuer with a name in any kind of letters is refused, and readable" {
    rows "$CERTS/table" <<'END'
        bad issuer-utf8 'trusted root' 'CN=Zürich 中文 Root'
        bad issuer-bmp 'trusted root' 'CN=Wide Root'
        bad issuer-t61 'trusted root' 'CN=Caf.{1,4} Root'
        bad issuer-printable 'trusted root' 'CN=Printable Root'
        bad issuer-nameless 'trusted root' 'nameless|no name'
END
}

@test "an unknown issuer with control characters in its name is refused, and they are masked" {
    rows "$CERTS/table" <<'END'
        bad issuer-controls 'trusted root' 'CN=Bad\?\?250 Root\?\[2J\?'
END
}

# --- Goal: what is no certificate is refused, and never read beyond its end.

@test "no certificate, or an empty one, is refused" {
    rows "$CERTS/table" <<'END'
        bad no-certificates 'no certificate'
        bad leaf-empty 'certificate.* decoded'
END
}

@test "a certificate that is cut is refused" {
    rows "$CERTS/table" <<'END'
        bad leaf-cut 'certificate.* decoded'
        bad leaf-cut-early 'certificate.* decoded'
END
}

@test "what is no certificate in DER is refused, whatever follows" {
    rows "$CERTS/table" <<'END'
        bad leaf-garbage 'certificate.* decoded'
        bad leaf-indefinite 'certificate.* decoded'
        bad leaf-text 'certificate.* decoded'
        bad leaf-deep 'certificate.* decoded'
END
}

@test "a certificate with bytes behind its end is refused" {
    rows "$CERTS/table" <<'END'
        bad leaf-and-more 'certificate.* decoded'
END
}

# --- Goal: a table that can't fail would say nothing.

@test "a row that isn't as wanted is told" {
    local row
    for row in 'good name-other' 'bad p256 .' 'bad name-other nowhere' \
        'bad name-with-controls ^$'; do
        # shellcheck disable=SC2086   # words
        run rows "$CERTS/table" $row
        assert_status 1
        assert_output_has "is wrong"
    done
    run rows "$CERTS/table" </dev/null
    assert_status 1
}
