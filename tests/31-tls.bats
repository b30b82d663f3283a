#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# TLS: whom we believe, and that nothing goes to anybody else, on either port.

load lib
load tls
setup_file() { setup_tls; }
teardown_file() { teardown_tls; }
setup() { setup_case; }
teardown() { teardown_case; }

# --- Goal: a certificate in date, from a trusted root, that names the host, opens the way.  (All
# kinds of them: 35-certificates.bats.  Those here are OpenSSL's own work.)

@test "a certificate that proves who the server is opens the way" {
    accepted good good-rsa chained
    accepted wildcard tls_name=smtp.mail.test
    accepted selfsigned tls_trust="$CERTS/selfsigned.pem"
}

@test "tls_name is whom the certificate must name, and whom the server is asked for" {
    accepted good tls_name=mail.test
    assert_in "$HEARD/starttls" ' SNI mail\.test$'
    assert_in "$HEARD/implicit" ' SNI mail\.test$'
}

@test "without tls_name the server is asked for the host" {
    accepted good
    assert_in "$HEARD/starttls" ' SNI localhost$'
    assert_in "$HEARD/implicit" ' SNI localhost$'
}

@test "a host that is an address is found in the certificate's addresses" {
    peer <<< $'@587\n@login\n@send'
    profile host="127.0.0.1:$PORT"
    send
    assert_status 0
    peer_done
    # RFC 6066 3: an address is not a server name.
    assert_in <(peer_log) '^1 SNI -$'
}

@test "tls_trust may hold other roots besides" {
    cat "$CERTS/other-ca.pem" "$CERTS/ca.pem" >"$BATS_TEST_TMPDIR/roots.pem"
    accepted good tls_trust="$BATS_TEST_TMPDIR/roots.pem"
}

@test "suites of AES are offered first where the CPU has AES, ChaCha20 where it hasn't" {
    local aes='\xc0+\xc0/\xc0,\xc00' chacha='\xcc\xa9\xcc\xa8' wanted
    wanted=$chacha$aes
    ! grep -qwm1 aes /proc/cpuinfo || wanted=$aes$chacha
    peer <<< $'READ 58\nCUT'
    profile tls=implicit
    run --separate-stderr "$BIN/sendmail" bob@mail.test < <(message)
    assert_status 69
    peer_done
    grep -F -e "$wanted" "$PEER/log" || fail "not in the hello: $wanted" "$(peer_log)"
}

@test "TLS 1.2 with each suite of ECDHE and AEAD works" {
    local suite cert
    for suite in ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 \
        ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES256-GCM-SHA384 \
        ECDHE-RSA-CHACHA20-POLY1305; do
        cert=good
        [[ $suite != *RSA-* || $suite == *ECDSA* ]] || cert=good-rsa
        peer --cert $cert <<< $'TLS ciphers='"$suite"$'\n@greet\n@ehlo\n@login\n@send'
        profile tls=implicit
        send
        assert_status 0
        peer_done
        assert_in <(peer_log) "^1 TLS TLSv1\\.2 $suite\$"
    done
}

# --- Goal: any other certificate is 76, in words that name the reason, and nothing is sent.

@test "a certificate that doesn't is refused" {
    rows "$CERTS" <<'END'
        bad wrongname 'not for localhost' 'elsewhere\.test'
        bad nosan 'not for localhost'
        bad unknown 'other CA'
        bad selfsigned 'trusted root|self-signed'
        bad expired 'expired 2' 'clock says TODAY '
        bad future 'not valid before 2045-01-01' 'clock says TODAY '
        bad sha1 SHA-1
        bad rsa1024 2048
        bad wildcard 'not for localhost' '\*\.mail\.test'
END
}

@test "tls_name is asked for even where the certificate names the host" {
    refused good 'not for other\.test' tls_name=other.test
}

@test "the name of the host is not enough for an address" {
    # Only 127.0.0.1 is in the certificate.
    peer --address 127.0.0.2 <<< $'@starttls\nTLS may fail\nDRAIN'
    profile host="127.0.0.2:$PORT"
    send
    assert_status 76
    assert_in - 'not for 127\.0\.0\.2' <<<"$stderr"
    peer_done
    nothing_sent
}

@test "a wrong certificate is refused where no password is at stake, too" {
    refused wrongname 'elsewhere' user= password=
}

@test "tls_trust that isn't there is told before anything is sent" {
    peer <<< $'@starttls\nTLS may fail\nDRAIN'
    profile tls_trust="$BATS_TEST_TMPDIR/none.pem"
    send
    assert_status 78
    assert_one_line
    assert_output_has none.pem
    peer_stop
    nothing_sent
}

# --- Goal: no TLS to be had is 76; nothing goes in clear.

@test "no STARTTLS on offer is 76" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250-AUTH PLAIN LOGIN
S: 250 PIPELINING
DRAIN
END
    profile
    send
    assert_status 76
    assert_one_line
    assert_output_has STARTTLS
    peer_done
    nothing_sent
}

@test "no STARTTLS is 76 where no password is at stake, too" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250 PIPELINING
DRAIN
END
    profile user= password=
    send
    assert_status 76
    peer_done
    nothing_sent
}

@test "5yz to STARTTLS is 76 with its words" {
    local code
    for code in '502 5.5.1 not today' '554 5.7.3 no TLS here' '501 what'; do
        peer <<END
@greet
C: EHLO *
S: 250-mail.test
S: 250 STARTTLS
C: STARTTLS
S: $code
DRAIN
END
        profile
        send
        assert_status 76
        assert_output_has "$code"
        peer_done
        nothing_sent
    done
}

@test "an answer to STARTTLS other than 220 is no yes" {
    local code
    for code in '250 ok' '221 bye' '354 go'; do
        peer <<END
@greet
C: EHLO *
S: 250-mail.test
S: 250 STARTTLS
C: STARTTLS
S: $code
DRAIN
END
        profile
        send
        [ "$status" != 0 ] || fail "$code is taken for yes"
        assert_status 76
        peer_done
        nothing_sent
        refute_in <(peer_log) '<- '
    done
}

@test "454 to STARTTLS is temporary" {
    peer <<'END'
@greet
C: EHLO *
S: 250-mail.test
S: 250 STARTTLS
C: STARTTLS
S: 454 4.7.0 TLS not available for the moment
DRAIN
END
    profile tempfail_exit=75
    send
    assert_status 75
    assert_output_has "454 4.7.0 TLS not available for the moment"
    peer_done
    nothing_sent
}

@test "bytes in clear behind the 220 to STARTTLS end the session" {
    # In the same write, so that they are there when TLS begins.
    local bytes
    for bytes in '250 injected\r\n' '2' '\x00' '250-mail.test\r\n250 AUTH PLAIN\r\n235 ok\r\n'; do
        peer <<END
@greet
C: EHLO *
S: 250-mail.test
S: 250 STARTTLS
C: STARTTLS
S\\: 220 go\r\n$bytes
DRAIN
END
        profile
        send
        assert_status 76
        assert_one_line
        peer_done
        nothing_sent
        # It didn't even begin: no handshake bytes.
        refute_in <(peer_log) '<- '
    done
}

@test "a second EHLO that is refused ends the session" {
    local code
    for code in '502 what' '554 go away' '250x'; do
        peer <<END
@starttls
TLS
C: EHLO *
S: $code
DRAIN
END
        profile
        send
        [ "$status" = 76 ] || [ "$status" = 69 ] || fail "status is $status"
        assert_one_line
        peer_done
        nothing_sent
    done
}

@test "a server that does not speak TLS on an implicit port is 76, and the port is asked about" {
    # Its greeting is there before we begin, or comes after our first bytes.
    local wait
    for wait in '' $'READ 20\n'; do
        peer <<< "$wait"$'@greet\nDRAIN'
        profile tls=implicit
        send
        assert_status 76
        assert_one_line
        assert_output_has port
        peer_done
        nothing_sent
    done
}

@test "an implicit port with tls = starttls is given up when the greeting's time is over" {
    peer <<< $'TLS may fail\nDRAIN'
    profile timeout=1s tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has greeting
    peer_stop
    nothing_sent
}

# --- Goal: old and new TLS, and weak suites, are not spoken; each is told.

@test "a server that speaks TLS 1.3 only is 76, and told so" {
    peer -n a <<< $'@starttls\nTLS must fail min=1.3\nDRAIN'
    peer -n b <<< $'TLS must fail min=1.3\nDRAIN'
    profile host="localhost:$PORT_a"
    send
    assert_status 76
    assert_in - '1\.2.*1\.3|1\.3.*1\.2|versions of TLS' <<<"$stderr"
    peer_done a
    nothing_sent a
    profile host="localhost:$PORT_b" tls=implicit
    send
    assert_status 76
    peer_done b
    nothing_sent b
}

@test "a server that speaks TLS 1.0 or 1.1 only is 76" {
    local version
    for version in 1.0 1.1; do
        peer <<< $'@starttls\nTLS must fail max='"$version"
        profile
        send
        assert_status 76
        assert_one_line
        peer_done
        nothing_sent
    done
}

@test "no suite without forward secrecy or AEAD is spoken" {
    local suite
    for suite in AES128-GCM-SHA256 ECDHE-RSA-AES128-SHA256 ECDHE-RSA-AES128-SHA \
        DHE-RSA-AES128-GCM-SHA256; do
        peer --cert good-rsa <<< $'@starttls\nTLS must fail max=1.2 ciphers='"$suite"
        profile
        send
        assert_status 76
        assert_one_line
        peer_done
        nothing_sent
    done
}

# --- Goal: a line that breaks within the handshake is temporary; no clear text follows.

@test "a connection cut instead of the handshake is temporary" {
    local end
    for end in CUT RESET; do
        peer -n a <<< $'@starttls\n'$end
        profile host="localhost:$PORT_a" tempfail_exit=75
        send
        assert_status 75
        assert_one_line
        peer_done a
        nothing_sent a
        peer -n b <<< $'READ 20\n'$end
        profile host="localhost:$PORT_b" tls=implicit tempfail_exit=75
        send
        assert_status 75
        assert_one_line
        peer_done b
        nothing_sent b
    done
}

@test "a connection cut in the middle of the handshake is temporary" {
    # Half of a ServerHello's record.
    peer <<'END'
@starttls
READ 40
S\: \x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03
CUT
END
    profile tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    assert_output_has handshake
    peer_done
    nothing_sent
}

@test "a handshake that stalls is given up in time, and is temporary" {
    local began=${EPOCHREALTIME/./}
    peer <<< $'@starttls\nSTALL'
    profile timeout=1s tempfail_exit=75
    send
    assert_status 75
    assert_one_line
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited"
    peer_done
    nothing_sent
}

@test "a handshake that drips is given up in time" {
    local began=${EPOCHREALTIME/./}
    # A ServerHello that never comes to its end.
    peer <<'END'
@starttls
READ 40
S\: \x16\x03\x03\x3f\x00\x02\x00\x3e\xfc\x03\x03
DRIP 300 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
DRAIN
END
    profile timeout=1s tempfail_exit=75
    send
    [ $((${EPOCHREALTIME/./} - began)) -lt 9000000 ] || fail "it waited"
    assert_status 75
    peer_stop
    nothing_sent
}

@test "garbage instead of a handshake is 76" {
    peer <<< $'@starttls\nREAD 40\nS: 554 5.7.0 go away, you with your TLS\nDRAIN'
    profile
    send
    assert_status 76
    assert_one_line
    peer_done
    nothing_sent
}

# --- Goal: which TLS was spoken is in the log line.

@test "the log line says version and suite" {
    accepted good
    assert_in "$BATS_TEST_TMPDIR/log" 'status=sent .*tls=TLSv1\.2/ECDHE-ECDSA-'
}
