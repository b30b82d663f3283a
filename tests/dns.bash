# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# Helpers for tests with names of their own: a DNS server (servers/dns.py) that only a cage's
# resolv.conf leads to. Loaded after lib and cage.
#
#     setup_cage
#     dns mx.test=127.0.0.1 --fault AAAA:servfail
#     resolved            # the cage asks this server
#     dns_log | assert_in - '^A mx\.test\. udp: answer$'

# dns [-n NAME] ARGUMENT...: starts it with dns.py's arguments; sets DNS (its address) and DNS_DIR,
# for a named one DNS_NAME and DNS_DIR_NAME. Needs root, for port 53.
dns() {
    local name='' dir turn pid
    if [ "${1-}" = -n ]; then
        name=_$2
        shift 2
    fi
    dir=$(mktemp -d "$BATS_TEST_TMPDIR/dns$name.XXXXXX")
    "$PYTHON" "$ROOT/tests/servers/dns.py" --dir "$dir" "$@" </dev/null >"$dir/stderr" 2>&1 3>&- 4>&- &
    pid=$!
    started "$pid"
    for ((turn = 0; turn < 500; turn++)); do
        [ ! -e "$dir/address" ] || break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.02
    done
    [ -e "$dir/address" ] || fail "the DNS server did not start:" "$(<"$dir/stderr")" || return 1
    printf -v "DNS$name" %s "$(<"$dir/address")"
    printf -v "DNS_DIR$name" %s "$dir"
}

# resolved [LINE...]: the cage's resolver asks the DNS server; further lines for its resolv.conf.
resolved() {
    printf '%s\n' "nameserver ${DNS:?}" 'options timeout:1 attempts:2' "$@" \
        >"${CAGE:?}/etc/resolv.conf"
}

# dns_log: what was asked, a line each.
dns_log() {
    cat "${DNS_DIR:?}/log"
}
