# SPDX-License-Identifier: ISC
# shellcheck shell=bash
# A port at which a connection neither stands nor fails.

# blackhole: a port that neither accepts nor refuses. Sets HOLE.
blackhole() {
    local i
    "$PYTHON" - "${1:-127.0.0.1}" "${2:-0}" "$BATS_TEST_TMPDIR/hole" 3>&- <<'END' &
import os, socket, sys, time
address, port, ready = sys.argv[1:]
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((address, int(port)))
s.listen(0)
held = []
for _ in range(8):
    c = socket.socket()
    c.setblocking(False)
    c.connect_ex(s.getsockname())
    held.append(c)
time.sleep(0.3)
with open(ready + ".new", "w") as f:
    f.write(str(s.getsockname()[1]))
os.rename(ready + ".new", ready)
time.sleep(60)
END
    started "$!"
    for ((i = 0; i < 200; i++)); do [ ! -e "$BATS_TEST_TMPDIR/hole" ] || break; sleep 0.05; done
    HOLE=$(<"$BATS_TEST_TMPDIR/hole")
}
