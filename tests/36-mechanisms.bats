#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# The nine mechanisms of AUTH against a server that knows them (peer/sasl.py, which plays the RFCs'
# own examples right: peer/selftest.bats).

load lib
load login

setup_file() { setup_logins; }
setup() { setup_case; }
teardown() { teardown_login; }

# --- Goal: each mechanism logs in, on both ports; a wrong secret is 77 with the server's words.

logs_in() {
    local port
    for port in 587 465; do
        peer < <(offer $port "$1" ask=ca; echo "SASL $1 alice s3cret-alice"; echo @send)
        if [ $port = 465 ]; then by "$1"; else by "$1" tls=starttls; fi
        CASE=0
        taken
        peer_done
        assert_in <(peer_log) "^1 SASL $1 alice\$"
    done
}

@test "PLAIN logs in" {
    logs_in PLAIN
}

@test "LOGIN logs in" {
    logs_in LOGIN
}

@test "CRAM-MD5 logs in" {
    logs_in CRAM-MD5
}

@test "SCRAM-SHA-1 logs in" {
    logs_in SCRAM-SHA-1
}

@test "SCRAM-SHA-256 logs in" {
    logs_in SCRAM-SHA-256
}

@test "SCRAM-SHA-256-PLUS logs in" {
    logs_in SCRAM-SHA-256-PLUS
}

@test "EXTERNAL logs in" {
    logs_in EXTERNAL
}

@test "OAUTHBEARER logs in" {
    logs_in OAUTHBEARER
}

@test "XOAUTH2 logs in" {
    logs_in XOAUTH2
}

@test "a wrong secret is 77 with the server's words, by every mechanism" {
    local name
    for name in $NINE; do
        # It is the user that EXTERNAL hasn't right.
        connection "SASL $name $([ "$name" = EXTERNAL ] && echo carol || echo alice) another \
no=535%205.7.8%20not%20you,%20$name" DRAIN
    done
    play
    for name in $NINE; do
        WHAT=$name
        by "$name"
        send
        assert_status 77
        assert_one_line
        assert_output_has "535 5.7.8 not you, $name"
        over
        assert_in "$PEER/log" "^$CASE SASL-REFUSED "
        tried "$name"
    done
    peer_done
    never MAIL
}

# Which answers each mechanism has, the last one too.
steps() {
    case $1 in
    SCRAM*) echo 1 2 3 ;;
    LOGIN) echo 1 2 3 ;;
    CRAM-MD5) echo 1 2 ;;
    *) echo 1 ;;
    esac
}

# at_each_step LINE STATUS WORDS: the reply comes instead of each answer of each mechanism.
at_each_step() {
    local name n
    for name in $NINE; do
        for n in $(steps "$name"); do
            connection "SASL $name alice s3cret-alice end$n=$1" DRAIN
        done
    done
    play
    for name in $NINE; do
        for n in $(steps "$name"); do
            WHAT="$name, answer $n"
            by "$name" tempfail_exit=75
            send
            assert_status "$2"
            assert_one_line
            assert_in - "$3" <<<"$stderr"
            over
            tried "$name"
        done
    done
    peer_done
    never MAIL
}

@test "535 is 77, whenever it comes, in several lines too" {
    at_each_step 535-5.7.8%20no%0D%0A535%205.7.8%20really 77 '535 5\.7\.8 no (5\.7\.8 )?really'
}

@test "4yz is temporary, whenever it comes" {
    at_each_step 454%204.7.0%20later 75 '454 4\.7\.0 later'
}

@test "a connection that is cut in the middle of the log-in is temporary" {
    local name n
    for name in $NINE; do
        for n in $(steps "$name"); do
            if [ "$n" = 1 ]; then
                connection 'C: AUTH *' CUT
            else
                connection "SASL $name alice s3cret-alice end$((n - 1))=" 'C: *' CUT
            fi
        done
    done
    play
    for name in $NINE; do
        for n in $(steps "$name"); do
            WHAT="$name, answer $n"
            by "$name" tempfail_exit=75
            send
            assert_status 75
            assert_one_line
        done
    done
    peer_done
    never MAIL
}

# --- Goal: `auto` tries what there is a secret for, in one order where the server is known, in
# --- another where it isn't; named mechanisms are tried in their own order. 504 and 534 go on.

# all_504 N CODE: a server that offers all, and will have none.
all_504() {
    OFFER=${OFFER-"CRAM-MD5 SCRAM-SHA-256-PLUS LOGIN SCRAM-SHA-1 PLAIN XOAUTH2 OAUTHBEARER \
SCRAM-SHA-256 EXTERNAL GSSAPI NTLM"} connection "LOOP $1" 'C: AUTH *' "S: $2 5.7.9 not by this" \
        END DRAIN
}

# order MECHANISM...: these were tried; then it was 77, with the last words.
order() {
    send
    assert_status 77
    assert_one_line
    assert_in - '5[03]4 5\.7\.9 not by this' <<<"$stderr"
    over
    tried "$@"
    never MAIL
}

@test "auto: everything, in order, where the chain is verified" {
    local code
    for code in 504 534; do all_504 7 $code; done
    play
    all_secrets auth=auto
    for code in 504 534; do
        order EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1
    done
    peer_done
}

@test "auto: with a password only" {
    all_504 4 504
    play
    profile tls=implicit
    order PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1
    peer_done
}

@test "auto: with a token only" {
    all_504 2 504
    play
    secret token x
    profile tls=implicit password= oauth_token_file="$BATS_TEST_TMPDIR/token"
    order OAUTHBEARER XOAUTH2
    peer_done
}

@test "auto: with a certificate only" {
    all_504 1 504
    play
    profile tls=implicit password= tls_cert="$OWN/ec-both.pem"
    order EXTERNAL
    peer_done
}

@test "auto: what isn't offered is passed over" {
    OFFER='SCRAM-SHA-1 XOAUTH2 LOGIN' all_504 3 504
    play
    all_secrets
    order XOAUTH2 LOGIN SCRAM-SHA-1
    peer_done
}

@test "auto: a pin is as good as a chain" {
    local pin
    pin=$(openssl x509 -in "$CERTS/selfsigned.pem" -noout -pubkey |
        openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64)
    ASK=cert=selfsigned all_504 4 504
    play
    profile tls=implicit tls_trust=pin tls_pin="sha256:$pin"
    order PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1
    peer_done
}

@test "auto: SCRAM goes first where nobody verifies the chain" {
    ASK='cert=selfsigned ask=ca' all_504 7 504
    play
    all_secrets tls_trust= tls_verify=no auth_insecure=yes
    order SCRAM-SHA-256 SCRAM-SHA-1 EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN
    peer_done
}

@test "auto: SCRAM goes first without TLS" {
    local tls
    for tls in off opportunistic; do
        peer < <(printf '%s\n' @greet LOCKSTEP 'C: EHLO *' 'S: 250-mail.test' \
            "S: 250 AUTH PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5" 'LOOP 4' 'C: AUTH *' \
            'S: 504 5.7.9 not by this' END DRAIN)
        CASE=0
        profile tls=$tls tls_trust= auth_insecure=yes
        order SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN
        peer_done
    done
}

@test "auto: SCRAM goes first where TLS is opportunistic, though it stands" {
    peer < <(offer 587 "PLAIN SCRAM-SHA-1"; printf '%s\n' 'LOOP 2' 'C: AUTH *' \
        'S: 504 5.7.9 not by this' END DRAIN)
    profile tls=opportunistic auth_insecure=yes
    order SCRAM-SHA-1 PLAIN
    peer_done
}

@test "auto: after 504 the next one logs in" {
    OFFER="PLAIN SCRAM-SHA-256" connection 'C: AUTH PLAIN *' 'S: 504 5.5.4 not this one' \
        'SASL SCRAM-SHA-256 alice s3cret-alice' @send
    play
    profile tls=implicit
    taken
    peer_done
}

@test "auto: CRAM-MD5 and -PLUS are never taken" {
    OFFER='CRAM-MD5 SCRAM-SHA-256-PLUS GSSAPI' connection DRAIN
    play
    profile tls=implicit
    send
    assert_status 77
    assert_output_has 'CRAM-MD5 SCRAM-SHA-256-PLUS GSSAPI'
    peer_done
    never '(AUTH|MAIL)'
}

@test "504 in the middle of an exchange leads to the next, too" {
    connection 'SASL SCRAM-SHA-256 alice s3cret-alice end2=504%205.5.4%20no' \
        'SASL LOGIN alice s3cret-alice end3=534%205.7.9%20no' \
        'SASL CRAM-MD5 alice s3cret-alice' @send
    play
    profile tls=implicit auth='SCRAM-SHA-256 LOGIN CRAM-MD5'
    taken
    peer_done
}

@test "named mechanisms are tried in their order, and no other" {
    all_504 3 534
    all_504 4 504
    play
    profile tls=implicit auth='CRAM-MD5 SCRAM-SHA-1 PLAIN'
    order CRAM-MD5 SCRAM-SHA-1 PLAIN
    all_secrets auth='XOAUTH2 SCRAM-SHA-256-PLUS OAUTHBEARER LOGIN'
    order XOAUTH2 SCRAM-SHA-256-PLUS OAUTHBEARER LOGIN
    peer_done
}

@test "named order stands where the chain isn't verified, too" {
    ASK=cert=selfsigned all_504 2 504
    play
    profile tls=implicit tls_trust= tls_verify=no auth_insecure=yes auth='PLAIN SCRAM-SHA-1'
    order PLAIN SCRAM-SHA-1
    peer_done
}

@test "mechanisms are known in any case" {
    OFFER='scram-sha-1 pLaIn' connection 'C: AUTH * *' 'S: 535 5.7.8 no' DRAIN
    play
    profile tls=implicit auth=SCRAM-SHA-1
    send
    assert_status 77
    peer_done
    assert_in <(peer_log) '^1 < AUTH SCRAM-SHA-1 '
}

@test "535 is never followed by another mechanism, nor by another connection" {
    local name names='EXTERNAL OAUTHBEARER XOAUTH2 PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1'
    for name in $names; do connection 'C: AUTH *' 'S: 535 5.7.8 no' DRAIN; done
    SCRIPT+="=== every connection"$'\n'DRAIN$'\n'
    play
    for name in $names; do
        all_secrets auth="$name PLAIN SCRAM-SHA-256 CRAM-MD5"
        send
        assert_status 77
        assert_output_has '535 5.7.8 no'
        over
        tried "$name"
    done
    peer_done
    refute_in <(peer_log) "^$((CASE + 1)) CONNECT"
}

@test "a named mechanism without its secret is 78, before a packet goes" {
    local name
    profile auth=EXTERNAL
    send
    assert_status 78
    assert_output_has tls_cert
    for name in OAUTHBEARER XOAUTH2 'PLAIN XOAUTH2'; do
        profile auth="$name"
        send
        assert_status 78
        assert_output_has oauth_token
    done
    secret token x
    for name in $PASSWORDS; do
        profile password= oauth_token_file="$BATS_TEST_TMPDIR/token" auth="$name"
        send
        assert_status 78
        assert_output_has password
    done
}

# --- Goal: AUTH is taken from the EHLO under TLS, in the form of RFC 4954; nothing in clear.

@test "what is offered in clear only is not offered, whatever it is" {
    peer <<END
@greet
C: EHLO *
S: 250-mail.test
S: 250-AUTH $NINE
S: 250 STARTTLS
C: STARTTLS
S: 220 go
TLS ask=ca
C: EHLO *
S: 250 mail.test
DRAIN
END
    all_secrets tls=starttls
    send
    assert_status 77
    assert_output_has 'no AUTH'
    peer_done
    never '(AUTH|MAIL)'
}

@test "where STARTTLS isn't offered, no mechanism is begun" {
    local name
    peer <<END
=== every connection
@greet
C: EHLO *
S: 250-mail.test
S: 250 AUTH $NINE
DRAIN
END
    for name in $NINE; do
        WHAT=$name
        by "$name" tls=starttls
        send
        assert_status 76
    done
    peer_done
    never '(AUTH|MAIL)'
}

@test "AUTH=PLAIN, with an equals sign, is no offer" {
    peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' \
        'S: 250-AUTH=PLAIN LOGIN SCRAM-SHA-256' 'S: 250-XAUTH PLAIN' 'S: 250 AUTHPLAIN' DRAIN)
    profile tls=implicit
    send
    assert_status 77
    assert_output_has 'no AUTH'
    peer_done
    never '(AUTH|MAIL)'
}

@test "AUTH=PLAIN adds nothing to AUTH" {
    peer < <(printf '%s\n' TLS @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250-AUTH=PLAIN' \
        'S: 250-AUTH SCRAM-SHA-1' 'S: 250 AUTH=LOGIN' 'SASL SCRAM-SHA-1 alice s3cret-alice' @send)
    profile tls=implicit
    CASE=0
    taken
    peer_done
}

@test "-PLUS needs a channel to bind to: without TLS it isn't begun" {
    peer < <(printf '%s\n' @greet 'C: EHLO *' 'S: 250-mail.test' 'S: 250 AUTH SCRAM-SHA-256-PLUS' \
        DRAIN)
    profile tls=off tls_trust= auth_insecure=yes auth=SCRAM-SHA-256-PLUS
    send
    assert_status 77
    peer_done
    never '(AUTH|MAIL)'
}

# bound CERT:HASH...: -PLUS with such a certificate, in the folder $1.
bound() {
    local cert
    for cert in "${@:2}"; do
        ASK=cert=${cert%:*} takes SCRAM-SHA-256-PLUS alice s3cret-alice bind="${cert#*:}"
    done
    play --certs "$1"
    by SCRAM-SHA-256-PLUS
    for cert in "${@:2}"; do taken; done
    peer_done
}

@test "-PLUS binds to the hash that the certificate's signature names" {
    bound "$CERTS" good:sha256 good-rsa:sha256 chained:sha256
    bound "$OWN" sha384:sha384 sha512:sha512
}

@test "a server that binds to another certificate refuses -PLUS" {
    ASK=cert=sha384 connection 'SASL SCRAM-SHA-256-PLUS alice s3cret-alice bind=sha256' DRAIN
    play --certs "$OWN"
    by SCRAM-SHA-256-PLUS
    send
    [ "$status" != 0 ]
    run peer_done
    assert_status 1
    assert_output_has 'c='
}

# --- Goal: EXTERNAL shows the certificate in the handshake, and the user's name in AUTH.

@test "EXTERNAL: EC and RSA, key in the same file and in another" {
    local name
    for name in ec ec rsa rsa; do takes EXTERNAL alice -; done
    play
    for name in ec rsa; do
        profile tls=implicit password= auth=EXTERNAL tls_cert="$OWN/$name-both.pem"
        taken
        profile tls=implicit password= auth=EXTERNAL tls_cert="$OWN/$name.pem" \
            tls_key="$OWN/$name.key"
        taken
    done
    peer_done
    [ "$(peer_log | grep -c ' CLIENT-CERT alice$')" = 4 ]
}

@test "EXTERNAL: without a user the certificate alone says who we are" {
    takes EXTERNAL - -
    play
    profile tls=implicit user= password= auth=EXTERNAL tls_cert="$OWN/ec-both.pem"
    taken
    peer_done
    assert_in <(peer_log) '^1 < AUTH EXTERNAL =$'
}

@test "EXTERNAL: a server that hasn't asked for the certificate refuses, 77" {
    ASK='' connection 'SASL EXTERNAL alice -' DRAIN
    play
    by EXTERNAL
    send
    assert_status 77
    peer_done
    assert_in <(peer_log) '^1 SASL-REFUSED no certificate'
}

# --- Goal: users and passwords are sent as they stand, whatever is in them.

odd_login() {
    local name user password
    user=$(coded "$1") password=$(coded "$2")
    for name in $PASSWORDS; do takes "$name" "$user" "$password"; done
    play
    secret password "$2"
    for name in $PASSWORDS; do
        by "$name" user="$1" password= password_file="$BATS_TEST_TMPDIR/password"
        taken
    done
    peer_done
}

@test "commas and equals signs in user and password" {
    odd_login 'a,l=i=2Cc=3De,' 'p,a=s=2Cs,n=w,r=x='
}

@test "UTF-8 in user and password" {
    odd_login 'grün@mail.test' 'pässwörd€ß'
}

@test "bytes that are no UTF-8 in the password" {
    odd_login alice $'p\xe4ss\xffw'
}

@test "blanks, quotes, percent signs and backslashes in user and password" {
    odd_login 'al "ice" %s\0' '  p "a'\''s %s%n s\n\\ '
}

@test "a password of 1,000 bytes, which is more than a hash's block" {
    odd_login alice "$(printf '%01000d' 7)"
}

@test "passwords of one byte, and of a hash's block" {
    local n
    for n in 1 63 64 65; do takes SCRAM-SHA-256 alice "$(printf "%0${n}d" 7)"; done
    play
    for n in 1 63 64 65; do
        by SCRAM-SHA-256 password="$(printf "%0${n}d" 7)"
        taken
    done
    peer_done
}

@test "a user with comma, equals sign and UTF-8 shows a token" {
    local user='a,l=ice=2C@grün.test'
    secret token ya29.a0_-~+/==
    takes OAUTHBEARER "$(coded "$user")" ya29.a0_-~+/==
    takes XOAUTH2 "$(coded "$user")" ya29.a0_-~+/==
    play
    by OAUTHBEARER user="$user"
    taken
    by XOAUTH2 user="$user"
    taken
    peer_done
}

@test "a token that is no token is 78: a blank, a control, a byte of 8 bits" {
    local token
    for token in 'a b' $'a\tb' $'a\001b' 'ä'; do
        secret token "$token"
        by XOAUTH2
        send
        assert_status 78
    done
}

@test "a token comes from a command, too" {
    secret fresh ya29.fresh
    takes XOAUTH2 alice ya29.fresh
    play
    profile tls=implicit password= auth=XOAUTH2 \
        oauth_token_command="/bin/cat $BATS_TEST_TMPDIR/fresh"
    taken
    peer_done
}

# --- Goal: a line with an initial response has 510 octets at most; beyond that the response
# --- follows a 334, of any form.

# initial MECHANISM must|never TOKEN [OPTION...]
initial() {
    secret token "$3"
    takes "$1" alice "$3" ir="$2" "${@:4}"
    play
    by "$1"
    taken
    peer_done
}

@test "XOAUTH2: a line of 509 octets goes at once, a longer one behind a 334" {
    initial XOAUTH2 must "$(printf '%0347d' 0)"
    [ "$(peer_log | sed -n 's/^1 < \(AUTH .*\)/\1/p' | tr -d '\n' | wc -c)" = 509 ]
    initial XOAUTH2 never "$(printf '%0348d' 0)"
}

@test "OAUTHBEARER: a short line goes at once, a long one behind a 334" {
    initial OAUTHBEARER must "$(printf '%0250d' 0)"
    initial OAUTHBEARER never "$(printf '%0380d' 0)"
}

@test "tokens of 7,400 octets go through" {
    initial OAUTHBEARER never "$(printf '%07400d' 0)"
    initial XOAUTH2 never "$(printf '%07400d' 0)"
}

@test "short responses of all client-first mechanisms go at once" {
    each_taken 'PLAIN SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL OAUTHBEARER XOAUTH2' \
        ir=must
}

@test "LOGIN and CRAM-MD5 say nothing before they are asked" {
    each_taken 'LOGIN CRAM-MD5' ir=never
}

@test "the 334 to AUTH alone may have no, one or two blanks behind it, or words" {
    local token words
    token=$(printf '%0400d' 0)
    secret token "$token"
    for words in 334 334%20 334%20%20 334%20go%20on 334-go%0D%0A334%20on; do
        takes XOAUTH2 alice "$token" ir=never start=$words
    done
    play
    by XOAUTH2
    for words in {1..5}; do taken; done
    peer_done
}

@test "LOGIN: prompts may have any words" {
    each_taken LOGIN say{1,2}=334 say{1,2}=334%20 say{1,2}=334%20%20 say1=334%20VXNlciBOYW1lAA== \
        say1=334%20who%3F 'say1=334-who%0D%0A334%20then%3F say2=334-and%0D%0A334%20how?'
}

@test "success may have any words, and several lines" {
    each_taken "$NINE" ok=235 ok=235-2.7.0%20hello%0D%0A235%202.7.0%20alice
}

# --- Goal: SCRAM takes what the RFC allows a server to say.

@test "SCRAM: 4096 and 1000000 iterations, and what is between" {
    each_taken 'SCRAM-SHA-1 SCRAM-SHA-256' i=4096 i=10000
    each_taken SCRAM-SHA-256 i=1000000
}

@test "SCRAM: salts of one byte and of 200" {
    each_taken 'SCRAM-SHA-1 SCRAM-SHA-256' salt=QQ== "salt=$(head -c 200 /dev/zero | base64 -w 0)"
}

@test "SCRAM: a server's nonce of one character, of signs, of 600" {
    each_taken 'SCRAM-SHA-1 SCRAM-SHA-256' nonce=x 'nonce=!"#$%25&()*+-./:;<=>?@[\]^_`{|}~' \
        nonce="$(printf '%0600d' 0)"
}

@test "SCRAM: extensions behind what is known are passed over" {
    each_taken 'SCRAM-SHA-1 SCRAM-SHA-256' 'first=r={r},s={s},i={count},x=something,y=' \
        'final=v={v},x=something'
}
