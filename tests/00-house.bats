# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# The house: the layers of the sources, what the engine may not do, the papers, the binary as
# it is built, and make install. The lists here (keys, flags, statuses) are the tests' own.

bats_require_minimum_version 1.5.0
load lib

# Both compilers build a copy of the tree, so that nobody's build/ is touched, and so that the
# folder has a name that may stand nowhere in the binary.
setup_file() {
    local cc
    for cc in gcc clang; do
        mkdir -p "$BATS_FILE_TMPDIR/tree-$cc"
        (cd "$ROOT" && tar -cf - --exclude=./build --exclude=./.git .) |
            tar -xf - -C "$BATS_FILE_TMPDIR/tree-$cc"
        env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$BATS_FILE_TMPDIR/tree-$cc" CC="$cc" \
            build/mailchute build/test/mailchute >"$BATS_FILE_TMPDIR/$cc.log" 2>&1 3>&- &
    done
    # Whether it worked is the tests' to say.
    wait || true
}

setup() {
    TREE=$BATS_FILE_TMPDIR/tree-gcc
}

# copy: a tree of the test's own, without what was built.
copy() {
    COPY=$BATS_TEST_TMPDIR/copy
    mkdir "$COPY"
    (cd "$TREE" && tar -cf - --exclude=./build .) | tar -xf - -C "$COPY"
}

# --- layers ----------------------------------------------------------------------------
# Goal: a file knows only what lies below it, so that the engine can be read from the ground up.

# layers TREE: prints each breach of TREE/tests/layers, a line each.
layers() {
    (cd "$1" && awk '
        FILENAME == "tests/layers" {
            if ($0 ~ /^(#|$)/) next
            for (i = 2; i <= NF; i++) {
                if ($i in layer) print $i " is listed twice"
                layer[$i] = $1 + 0; unit[$i] = FNR; base = $i; sub(/.*\//, "", base); path[base] = $i
            }
            next
        }
        FNR == 1 && !(FILENAME in layer) { print FILENAME " is not listed" }
        FNR == 1 { seen[FILENAME] = 1 }
        /^[ \t]*#[ \t]*include[ \t]*"/ {
            name = $0; sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
            if (!(name in path)) print FILENAME ": " name " is no header that is listed"
            else if (unit[path[name]] != unit[FILENAME] && layer[path[name]] >= layer[FILENAME])
                print FILENAME " (" layer[FILENAME] ") includes " name " (" layer[path[name]] ")"
        }
        END { for (f in layer) if (!(f in seen)) print f " is listed and not there" }
    ' tests/layers src/*.[ch] compat/*.[ch])
}

# code FILE: without its comments and strings.
code() {
    gcc -fpreprocessed -dD -E -P -x c "$1" 2>/dev/null | sed 's/"\([^"\\]\|\\.\)*"/""/g'
}

# only FILES PATTERN: prints each file of the tree, but for FILES (a regular expression), with
# code that matches PATTERN.
only() {
    local file
    for file in src/*.[ch] compat/*.[ch]; do
        [[ ! $file =~ ^($1)\.[ch]$ ]] || continue
        # The names of included files are no strings to the preprocessor.
        if { code "$file"; grep -E '^[[:space:]]*#[[:space:]]*include' "$file"; } | grep -qE "$2"; then
            echo "$file: $(grep -nE "$2" "$file" | head -n 1)"
        fi
    done
}

# private TREE: prints breaches of who may include and call what.
private() {
    cd "$1" || return 1
    only 'src/(trust|trust_key|path|cert|chain|keypair|tls|tls_fault|scram|sasl|auth)' '^[[:space:]]*#[[:space:]]*include.*bearssl'
    only 'src/profile_lines' '^[[:space:]]*#[[:space:]]*include.*[<"]ini\.h'
    only 'src/(net|net_connect|log|hosts|dns|sandbox)' '^[[:space:]]*#[[:space:]]*include.*<(sys/socket|sys/un|netdb|netinet/.*)\.h>'
    only 'src/(net|net_connect|log|hosts|dns)' '\b(socket|socketpair|connect|bind|listen|accept4?|send|sendto|sendmsg|recv|recvfrom|recvmsg|getaddrinfo|ppoll|select|epoll_[a-z]*)[[:space:]]*\('
    # Layers 0 to 6: no printing, no ending of the process, no environment.
    only 'compat/.*|src/(main|admin)' '\b(printf|vprintf|puts|putchar|putc|putc_unlocked|fputs|fputc|fprintf|vfprintf|dprintf|vdprintf|perror|fwrite)[[:space:]]*\('
    only 'compat/.*|src/(main|admin|log|command)' '\b(stdout|stderr|STDOUT_FILENO|STDERR_FILENO)\b'
    only 'compat/(fortify|memory)|src/command' '\b(exit|_exit|_Exit|quick_exit|abort|assert|err|errx|warn|warnx|longjmp|setjmp)[[:space:]]*\('
    only 'compat/(identity|start)' '\b(getenv|secure_getenv|environ|setenv|putenv|unsetenv|clearenv|getpwuid|getpwnam|getpwuid_r|getlogin|getauxval)\b'
    # STYLE: what nobody uses.
    only 'none' '\b(strcpy|strcat|sprintf|vsprintf|atoi|atol|atoll|strtok|strtok_r|alloca|gets|system|popen|setlocale|tmpnam|tempnam|mktemp)[[:space:]]*\('
    only 'src/command' '\bexecl?[vpe]*[[:space:]]*\(|\b(_?v?[Ff]ork|posix_spawnp?)[[:space:]]*\('
}

@test "each file of src and compat includes only what lies below it" {
    run layers "$TREE"
    assert_status 0
    [ -z "$output" ] || fail "$output"
}

@test "the layer test sees a breach, a file that isn't listed, and one that is gone" {
    copy
    echo '#include "submit.h"' >>"$COPY/src/text.c"
    echo '/* new */' >"$COPY/src/brandnew.c"
    echo '#include "nosuch.h"' >>"$COPY/src/smtp.h"
    rm "$COPY/src/dot.h"
    run layers "$COPY"
    assert_output_has 'src/text.c (0) includes submit.h'
    assert_output_has 'src/brandnew.c is not listed'
    assert_output_has 'src/smtp.h: nosuch.h is no header'
    assert_output_has 'src/dot.h is listed and not there'
}

@test "BearSSL, inih, sockets, output, exit and the environment stay where they belong" {
    run private "$TREE"
    assert_status 0
    [ -z "$output" ] || fail "$output"
}

@test "the test above sees each of these" {
    copy
    echo '#include <bearssl.h>' >>"$COPY/src/smtp.c"
    echo '#include <ini.h>' >>"$COPY/src/profile.c"
    echo '#include <netdb.h>' >>"$COPY/src/wire.c"
    echo 'int f(void) { return socket(1, 2, 3); }' >>"$COPY/src/dot.c"
    echo 'int f(void) { return puts("x"); }' >>"$COPY/src/addr.c"
    echo 'void f(void) { exit(1); }' >>"$COPY/src/spool.c"
    echo 'char *f(void) { return getenv("HOME"); }' >>"$COPY/compat/origin.c"
    echo 'int f(const char *s) { return atoi(s); }' >>"$COPY/src/value.c"
    echo '/* exit(1), puts("x") and getenv("HOME") in a comment */' >>"$COPY/src/cert.c"
    run private "$COPY"
    local file
    for file in smtp profile wire dot addr spool value; do assert_output_has "src/$file.c: "; done
    assert_output_has 'compat/origin.c: '
    refute_output_has 'src/cert.c'
}

@test "no variable outlives a function, unless it is const" {
    local found
    found=$(cd "$TREE/build/obj" && for object in src/*.o compat/*.o; do
        objdump -t "$object" | awk -v o="$object" '
            $0 ~ / O / && $(NF-2) ~ /^\.(data|bss|tdata|tbss)/ && $(NF-2) !~ /^\.data\.rel\.ro/ { print o ": " $NF }'
    done | sed -E '/^compat\/(fortify\.o: ctype_table|memory\.o: heap$)/d')
    [ "$(find "$TREE/build/obj" -name '*.o' | wc -l)" -gt 20 ]
    [ -z "$found" ] || fail "$found"
}

@test "functions have 60 lines at most" {
    local found
    found=$(cd "$TREE" && awk '
        /^[a-z_].*\(.*/ && !/;$/ { name = $0 }
        /^\{/ { start = FNR }
        /^\}/ { if (start && FNR - start > 60) print FILENAME ": " name " has " FNR - start " lines"; start = 0 }' src/*.c compat/*.c)
    [ -z "$found" ] || fail "$found"
}

@test "files have 400 lines at most" {
    local found
    found=$(cd "$TREE" && awk 'FNR == 401 { print FILENAME }' src/*.[ch] compat/*.[ch])
    [ -z "$found" ] || fail "$found"
}

# --- the papers ------------------------------------------------------------------------
# Goal: a key, a flag, a status that a user meets is in the manual.

KEYS='host port tls tls_trust tls_pin tls_name tls_cert tls_key tls_verify auth auth_insecure auth_pipelining user
password password_file password_command secret_mode oauth_token_file oauth_token_command
    from allow_from_override selectable user_profiles domain helo recipients max_recipients
    connect_timeout timeout commit_timeout deadline retry_for tempfail_exit dead_letter sandbox log
    from_header full_name sender_header reply_to add_header rewrite_headers aliases_file match
    dsn_notify dsn_return dot_ends max_hops max_size'
FLAGS='t i oi f r F v bm ba bd bD bl bs bv bp bi bt be bP bz bC bh bH q Q o e A B C D E G I J L M
    N O R S T U V X a c d h m n p s x z 4 6'
LONG_FLAGS='profile account help version read-recipients dsn-notify dsn-return debug logfile rmqs'
STATUSES='0 64 65 67 68 69 70 71 74 76 77 78'

# papers TREE: prints what is missing.
papers() {
    local word
    cd "$1" || return 1
    for word in $KEYS; do
        grep -qE "^\.It Ic (.* )?${word}( |\$)" man/mailchute.ini.5 || echo "mailchute.ini(5) lacks the key $word"
        grep -qE "^#?[[:space:]]*${word}[[:space:]]*=" etc/mailchute.ini || echo "etc/mailchute.ini lacks the key $word"
    done
    for word in $FLAGS; do
        grep -qE "^\.It (.* )?Fl ${word}( |\$)" man/sendmail.8 || echo "sendmail(8) lacks the flag -$word"
    done
    for word in $LONG_FLAGS; do
        grep -qE "Fl -${word}( |\$)" man/sendmail.8 || echo "sendmail(8) lacks the flag --$word"
    done
    for word in $STATUSES; do
        grep -qE "^\.It (Li |No )?${word}( |\$)" man/sendmail.8 man/mailchute.1 || echo "no page has the status $word"
    done
    for word in show --version --help; do
        grep -qE "^\.It .*(Cm|Fl) ${word#-}( |\$)" man/mailchute.1 || echo "mailchute(1) lacks $word"
    done
}

@test "each key, flag and exit status is in the manual, each key in the sample" {
    run papers "$TREE"
    assert_status 0
    [ -z "$output" ] || fail "$output"
}

@test "the test above sees what is missing" {
    copy
    sed -i '/^\.It Ic deadline/d' "$COPY/man/mailchute.ini.5"
    sed -i '/^#*tempfail_exit/d' "$COPY/etc/mailchute.ini"
    sed -i '/^\.It Fl z/d; /^\.It 76/d' "$COPY/man/sendmail.8"
    run papers "$COPY"
    assert_output_has 'mailchute.ini(5) lacks the key deadline'
    assert_output_has 'etc/mailchute.ini lacks the key tempfail_exit'
    assert_output_has 'sendmail(8) lacks the flag -z'
    assert_output_has 'no page has the status 76'
}

@test "the manual has no key that the program doesn't know" {
    local key line known
    ln -s "$TREE/build/test/mailchute" "$BATS_TEST_TMPDIR/mailchute"
    while read -r key; do
        (umask 077; printf '[default]\nhost = localhost\n%s = \001\n' "$key" | tr '\001' '?' >"$BATS_TEST_TMPDIR/ini")
        MAILCHUTE_CONFIG=$BATS_TEST_TMPDIR/ini run "$BATS_TEST_TMPDIR/mailchute" show
        refute_output_has 'unknown key'
    done < <(sed -n 's/^\.It Ic \([a-z_]*\).*/\1/p' "$TREE/man/mailchute.ini.5")
}

@test "the sample profile is understood, also with all its examples in force" {
    local other
    ln -s "$TREE/build/test/mailchute" "$BATS_TEST_TMPDIR/mailchute"
    export MAILCHUTE_CONFIG=$BATS_TEST_TMPDIR/ini
    (umask 077; cp "$TREE/etc/mailchute.ini" "$BATS_TEST_TMPDIR/ini")
    run "$BATS_TEST_TMPDIR/mailchute" show
    assert_status 0
    # The examples' own host instead of the first; the kinds of password and of token one by one.
    for other in 'password|oauth_token_file' 'password_file|oauth_token_command' \
        'password_command|oauth_token_file'; do
        sed -E -e 's/^#([^ #]|\t)/\1/; /^host = mail\./d' "$TREE/etc/mailchute.ini" |
            awk -v keep="^($other)\$" \
                '$1 ~ /^(password|oauth_token)/ && $2 == "=" && $1 !~ keep { next } 1' \
                >"$BATS_TEST_TMPDIR/ini"
        run "$BATS_TEST_TMPDIR/mailchute" show
        assert_status 0
        [ "$(wc -l <<<"$output")" -gt 20 ]
    done
}

@test "each source file names its licence in its first lines" {
    local file missing=''
    while read -r file; do
        head -n 5 "$TREE/$file" | grep -q 'SPDX-License-Identifier: ISC' || missing+="$file "
    done < <(cd "$TREE" && find src compat tests etc man .ci Makefile -type f \
        \( -name '*.[ch158]' -o -name '*.bats' -o -name '*.bash' -o -name '*.py' -o -name Makefile \
        -o -name Dockerfile -o -perm -100 \) ! -name '*.pem')
    [ -z "$missing" ] || fail "no SPDX line: $missing"
    assert_in "$TREE/LICENSE" 'ISC|Permission to use, copy, modify'
}

@test "nothing in the tree points outside of it" {
    # In two pieces, or this file would find itself.
    local outside='\.\./sha''red|/sha''red/|/wo''rk/'
    run grep -rnIE "$outside" "$TREE" --exclude-dir=build --exclude-dir=.git
    [ -z "$output" ] || fail "$output"
}

# --- the binary ------------------------------------------------------------------------
# Goal: one small, hardened file that needs nothing; the same by either compiler.

# each_build: runs the command with each compiler's binary as its last argument.
each_build() {
    local cc
    for cc in gcc clang; do
        [ -x "$BATS_FILE_TMPDIR/tree-$cc/build/mailchute" ] ||
            fail "$cc did not build it:" "$(tail -n 20 "$BATS_FILE_TMPDIR/$cc.log")" || return 1
        "$@" "$BATS_FILE_TMPDIR/tree-$cc/build/mailchute" || fail "as $cc built it" || return 1
    done
}

# says PATTERN COMMAND...: the command's output matches.
says() {
    local text
    text=$("${@:2}" 2>&1) || true
    grep -qE "$1" <<<"$text" || fail "not $1:" "$text"
}

# never PATTERN COMMAND...: it doesn't.
never() {
    local text
    text=$("${@:2}" 2>&1) || true
    ! grep -qE "$1" <<<"$text" || fail "$1:" "$text"
}

@test "gcc and clang both build it without a warning" {
    each_build true
    local cc
    for cc in gcc clang; do refute_in "$BATS_FILE_TMPDIR/$cc.log" 'warning:'; done
}

@test "it is a static PIE without an interpreter, and stripped" {
    each_build says 'static-pie linked' file
    each_build says '[^t] stripped' file
    each_build never 'INTERP' readelf -lW
    each_build never 'NEEDED' readelf -dW
    each_build says 'no symbols' nm
}

@test "its stack isn't executable, no segment is both, relocations are read-only" {
    each_build says 'GNU_STACK .* RW ' readelf -lW
    each_build never '(LOAD|GNU_STACK) .* RWE ' readelf -lW
    each_build says 'GNU_RELRO' readelf -lW
    each_build says 'BIND_NOW|NOW' readelf -dW
}

closed() {
    run strace -e trace=mprotect "$1" --version
    assert_status 0
    assert_output_has ', PROT_READ) = 0'
}

# Of musl's own start it would be a wish only.
@test "what only relocation writes is closed when it runs" {
    need strace
    each_build closed
}

@test "its relocations are packed" {
    each_build says 'RELASZ.* 0 ' readelf -dW
    each_build says 'RELRSZ' readelf -dW
}

@test "it is built with the stack protector" {
    each_build true
    says '__stack_chk_fail' nm "$TREE/build/obj/src/smtp.o"
    says '__stack_chk_fail' nm "$BATS_FILE_TMPDIR/tree-clang/build/obj/src/smtp.o"
}

small() {
    [ "$(stat -c %s "$1")" -le 307200 ] || fail "$(stat -c %s "$1") bytes"
}

@test "it has 300 KiB at most, with the roots of a distribution in it" {
    each_build small
}

@test "no path of the machine that built it is in it" {
    each_build never "$BATS_FILE_TMPDIR|tree-gcc|tree-clang|/usr/include|/usr/lib/gcc|\\.[ch]\$" strings -n 4
}

@test "it reads the profile in /etc, the tests' build one under build/" {
    each_build says '^/etc/mailchute\.ini$' strings
    says "^$TREE/build/test/etc/mailchute\\.ini\$" strings "$TREE/build/test/mailchute"
    never '^/etc/mailchute\.ini$' strings "$TREE/build/test/mailchute"
}

@test "it runs in an empty root, without /dev, /proc or /etc" {
    [ "$(id -u)" = 0 ] || [ -z "${NO_SKIP:-}" ] || fail "a chroot needs root"
    [ "$(id -u)" = 0 ] || skip "a chroot needs root"
    mkdir "$BATS_TEST_TMPDIR/root"
    cp "$TREE/build/mailchute" "$BATS_TEST_TMPDIR/root/"
    run chroot "$BATS_TEST_TMPDIR/root" /mailchute --version
    assert_status 0
    run chroot "$BATS_TEST_TMPDIR/root" /mailchute -t </dev/null
    assert_status 78
}

@test "make help lists the targets" {
    run make -s -C "$TREE" help
    assert_status 0
    local target
    for target in all deps demo test lint san install clean; do
        grep -qE "make $target +[^ ]" <<<"$output" || fail "not listed: $target" "$output"
    done
}

# --- make install ------------------------------------------------------------------------
# Goal: the links are there, and nobody else's sendmail is lost.

# make_install [VARIABLE=VALUE...]: of a tree of our own, into $D.
make_install() {
    D=$BATS_TEST_TMPDIR/dest
    run env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$TREE" install DESTDIR="$D" PREFIX=/usr "$@"
}

# installed PLACE...: each leads to the binary.
installed() {
    local place
    for place; do
        [ "$(readlink -f "$D/usr/$place")" = "$(readlink -f "$D/usr/bin/mailchute")" ] ||
            fail "$place doesn't lead to mailchute" "$(find "$D" -ls)" || return 1
    done
}

@test "make install puts the binary, its links, the pages and the sample in place" {
    make_install
    assert_status 0
    cmp "$TREE/build/mailchute" "$D/usr/bin/mailchute"
    [ "$(stat -c %a "$D/usr/bin/mailchute")" = 755 ]
    installed sbin/sendmail lib/sendmail bin/mailq bin/newaliases sbin/runq bin/hoststat \
        bin/purgestat sbin/send-mail sbin/rmail
    local page
    for page in man1/mailchute.1 man8/sendmail.8 man5/mailchute.ini.5; do
        [ -s "$D/usr/share/man/$page" ] || [ -s "$D/usr/share/man/$page.gz" ]
    done
    [ -n "$(find "$D" -name mailchute.ini -size +0)" ]
    # The links are relative, so that they hold behind DESTDIR, too.
    [ -z "$(find "$D" -type l -lname '/*')" ]
    [ ! -e "$D/etc/mailchute.ini" ]
    run "$D/usr/bin/mailchute" --version
    assert_status 0
}

@test "make install twice is fine" {
    make_install
    make_install
    assert_status 0
    installed sbin/sendmail lib/sendmail
}

@test "make install goes to /usr/local unless told otherwise" {
    D=$BATS_TEST_TMPDIR/dest
    run env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$TREE" install DESTDIR="$D"
    assert_status 0
    [ -x "$D/usr/local/bin/mailchute" ]
    [ ! -e "$D/usr/bin" ]
}

@test "a foreign sendmail stays, and dpkg-divert is named" {
    local place
    for place in sbin/sendmail lib/sendmail bin/mailq; do
        rm -rf "$BATS_TEST_TMPDIR/dest"
        mkdir -p "$BATS_TEST_TMPDIR/dest/usr/${place%/*}"
        echo foreign >"$BATS_TEST_TMPDIR/dest/usr/$place"
        make_install
        [ "$status" != 0 ] || fail "it was replaced"
        assert_output_has dpkg-divert
        assert_output_has "/usr/$place"
        [ "$(<"$D/usr/$place")" = foreign ]
        [ ! -e "$D/usr/bin/mailchute" ] || fail "half of it was installed"
    done
}

@test "a link to a foreign sendmail stays, too" {
    mkdir -p "$BATS_TEST_TMPDIR/dest/usr/sbin"
    ln -s exim4 "$BATS_TEST_TMPDIR/dest/usr/sbin/sendmail"
    make_install
    [ "$status" != 0 ]
    assert_output_has dpkg-divert
    [ "$(readlink "$D/usr/sbin/sendmail")" = exim4 ]
}

@test "FORCE=1 replaces it" {
    mkdir -p "$BATS_TEST_TMPDIR/dest/usr/sbin" "$BATS_TEST_TMPDIR/dest/usr/lib"
    echo foreign >"$BATS_TEST_TMPDIR/dest/usr/sbin/sendmail"
    ln -s ../sbin/exim4 "$BATS_TEST_TMPDIR/dest/usr/lib/sendmail"
    make_install FORCE=1
    assert_status 0
    installed sbin/sendmail lib/sendmail
}

@test "make uninstall removes what install put there, and nothing else" {
    make_install
    assert_status 0
    rm "$D/usr/bin/mailq"
    echo foreign >"$D/usr/bin/mailq"
    mkdir -p "$D/etc"
    echo mine >"$D/etc/mailchute.ini"
    run env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$TREE" uninstall DESTDIR="$D" PREFIX=/usr
    assert_status 0
    [ "$(<"$D/usr/bin/mailq")" = foreign ]
    [ "$(<"$D/etc/mailchute.ini")" = mine ]
    rm "$D/usr/bin/mailq" "$D/etc/mailchute.ini"
    [ -z "$(find "$D" \( -type f -o -type l \) )" ] || fail "$(find "$D" -ls)"
}
