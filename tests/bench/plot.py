#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The table and the picture, from the figures: plot.py FIGURES.json DIR [README.md]

writes DIR/bench.md and DIR/bench.svg, and in README.md what stands between its two marks.
"""
import json
import pathlib
import sys
from xml.sax.saxutils import escape

PORTS = ("587", "465")


def number(value):
    """Three digits, or all of a larger one's."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 or value == 0 else f"{value:.2f}".rstrip("0").rstrip(".")


def megabytes(kb):
    return f"{kb} KB" if kb < 1000 else number(kb / 1000) + " MB"


def both(values, form=str):
    return " / ".join(form(values[port]) for port in PORTS)


def by_clock(row, port):
    """What one more ms of delay costs, in ms: round trips to the exit, with nothing else in it."""
    walls = row["wall_ms"]
    return (walls["100"][port] - walls["20"][port]) / 80


def machine_line(figures):
    kind = figures["machine"]
    versions = {row["name"]: row["version"].split(":")[-1] for row in figures["clients"]}
    names = {"smtplib": "Python"}
    return (f"{figures['date']}, {kind['cores']} cores of {kind['cpu']} ({kind['architecture']}), "
            f"Linux {kind['kernel']}, {kind['system']}, "
            f"{kind['openssl']} in the sink, {kind['valgrind']}; " +
            ", ".join(f"{names.get(name, name)} {version}" for name, version in versions.items()) +
            ".")


# --- the table ---

FIGURES = (
    ("TLS", lambda row: row["tls"].replace("TLSv", "")),
    ("round trips to the final reply", lambda row: both(row["rt"])),
    ("round trips to exit", lambda row: both(row["rt_exit"])),
    ("round trips to exit, by the clock",
     lambda row: " / ".join(f"{by_clock(row, port):.1f}" for port in PORTS)),
    ("wall time, ms, without delay", lambda row: both(row["wall_ms"]["0"], "{:.0f}".format)),
    ("wall time at 20 ms", lambda row: both(row["wall_ms"]["20"], "{:.0f}".format)),
    ("wall time at 100 ms", lambda row: both(row["wall_ms"]["100"], "{:.0f}".format)),
    ("CPU, ms", lambda row: number(row["cpu_ms"])),
    ("M instructions", lambda row: number(row["instructions"] / 1e6)),
    ("system calls", lambda row: str(row["syscalls"])),
    ("files opened", lambda row: str(row["files"])),
    ("needed on disk", lambda row: megabytes(round(row["disk"] / 1000))),
    ("memory for 2 KB", lambda row: megabytes(row["rss_kb"]["2k"])),
    ("memory for 20 KB", lambda row: megabytes(row["rss_kb"]["20k"])),
    ("memory for 25 MB", lambda row: megabytes(row["rss_kb"]["25m"])),
    ("25 MB, MB/s", lambda row: number(row["mb_s"])),
    ("CPU of it, ms", lambda row: number(row["cpu_ms_25m"])),
    ("200 messages, 20 at once, a second", lambda row: number(row["messages_s"])),
    ("memory of 20 at once", lambda row: megabytes(row["memory_kb_20"])),
)

OFFERED = {"chunking": "PIPELINING and CHUNKING", "pipelining": "PIPELINING",
           "auth_pipelining": "PIPELINING, with `auth_pipelining = yes`", "plain": "neither"}

NETWORK = {
    "wire": """Delay is that of a network
  namespace whose packets, SYN and all, are kept back by half of it each way.""",
    "proxy": """Delay is a proxy's,
  which keeps back what passes by half of it each way, and a new connection by what the SYN
  would take.""",
}

TEXT = """\
<!-- SPDX-License-Identifier: ISC -->
# What a message costs

Written by `make bench`; the picture is bench.svg. {machine}

Each client sends the same messages to the same sink (OpenSSL; PIPELINING, CHUNKING, AUTH PLAIN
and LOGIN; an RSA 2048 leaf and intermediate), by `localhost`, with a password, verifying the
server. `sys`: with the system's bundle and the sink's root; `ca`: with that root alone. Two
figures with a stroke are for 587 with STARTTLS and for 465.

{table}

- Round trips are counted at the sink: its flights, and one for the SYN; bare ACKs among them, if
  the client waits for them, as Nagle's algorithm has it do. By the clock they are what one more
  ms of delay costs, in ms (from 20 to 100). {network}
- What is counted is right on a busy machine, too: of round trips it is the least of five runs. What
  is timed is of one run in which all took turns, on a machine that others use as well: compare it
  within a row only.
- Wall times are the better of two runs. Rate and CPU of small messages
  are those of 200 of 2 KB, 20 at once, in the better of two runs (of 60, once, for who makes
  fewer than 15 a second); MB/s is the best of three. All start and end a process a message.
- Instructions are callgrind's, in user mode, of a 2 KB message by 587. mailchute's are those
  without its sandbox, which valgrind can't live in. System calls, files opened (each successful
  open, but for handles by O_PATH) and what must be on disk (all files opened that aren't
  configuration, message or log, and the program) are strace's of the same.
- Memory is the peak of the resident set, counted before each call that can shrink it; of 20 at
  once it is the sum of the proportional sets while all wait for the final reply.
- curl changes no line ends, and gets its message with CRLF. ssmtp sleeps for a second, one of
  its round trips long besides. smtplib reads the message into a string. nullmailer is its module
  for one delivery, without the queue that it has in real life. busybox is built from Debian's
  source, with sendmail alone; its TLS is `openssl s_client`, which it starts and doesn't wait for:
  so that one's CPU and memory are missing, and its instructions are there.
{notes}
## mailchute, by what the server offers

{modes}

Wall time is at 100 ms, in units of 100 ms.
"""


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in [head, *rows]]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def markdown(figures):
    modes = [[OFFERED[name], both(row["rt"]), both(row["rt_exit"]),
              both(row["wall_rtt"], "{:.2f}".format)] for name, row in figures["modes"].items()]
    notes = "".join(f"- {row['name']} {row['trust']} verifies nothing: it takes a server whose "
                    "root it doesn't have.\n"
                    for row in figures["clients"] if not row["verifies"])
    notes += "".join(f"- Left out: {label}: {why}.\n" for label, why in figures["left_out"].items())
    return TEXT.format(
        machine=machine_line(figures),
        network=NETWORK[figures["network"]],
        notes=notes,
        table=table(["", *(f"{row['name']} {row['trust']}" for row in figures["clients"])],
                    [[name, *(cell(row) for row in figures["clients"])]
                     for name, cell in FIGURES]),
        modes=table(["offered", "round trips to the final reply", "to exit", "wall time"], modes))


# --- the part of the README ---

MARKS = ("<!-- written by make bench SAVE=1 -->\n", "<!-- end -->\n")

SHORT = (
    ("round trips, 587 / 465", lambda row: both(row["rt_exit"])),
    ("instructions, millions", lambda row: number(row["instructions"] / 1e6)),
    ("system calls", lambda row: str(row["syscalls"])),
    ("files opened", lambda row: str(row["files"])),
    ("needed on disk", lambda row: megabytes(round(row["disk"] / 1000))),
    ("memory for 2 KB", lambda row: megabytes(row["rss_kb"]["2k"])),
    ("memory for 25 MB", lambda row: megabytes(row["rss_kb"]["25m"])),
    ("rate of 25 MB", lambda row: f"{row['mb_s'] / row['of']['mb_s']:.2f}"),
    ("rate of 2 KB, 20 at once",
     lambda row: f"{row['messages_s'] / row['of']['messages_s']:.2f}"),
)

README = """\
![The same figures as bars](tests/bench/bench.svg)

{table}

Each sends a message of 2 KB (or 25 MB) with a password to the same server (TLS, PIPELINING,
CHUNKING) and verifies it by the system's roots. Round trips are from the SYN until the caller goes
on; mailchute's are {modes}.
The first seven rows are counted; the rates are in parts of mailchute's, of one run in which all took
turns on a machine that others used, too. {notes}{machine} More, and how it is
measured: [tests/bench/bench.md](tests/bench/bench.md).
"""


def beside(figures):
    """Those that take the system's roots; each knows the rates of ours."""
    rows = [row for row in figures["clients"] if row["trust"] == "sys"]
    ours = next(row for row in rows if row["name"] == "mailchute")
    return [{**row, "of": ours} for row in rows]


def readme(figures):
    rows = beside(figures)
    modes = ", ".join(f"{both(row['rt_exit'])} where the server offers {OFFERED[name]}"
                      for name, row in figures["modes"].items())
    notes = "".join(f"{row['name']} verifies nothing. " for row in rows if not row["verifies"])
    picture, figure, prose = README.format(
        modes=modes, notes=notes, machine=machine_line(figures), table=table(
            ["", *(row["name"] for row in rows)],
            [[name, *(cell(row) for row in rows)] for name, cell in SHORT])).split("\n\n")
    return "\n\n".join([picture, figure, "\n".join(wrapped(prose, 101))]) + "\n"


def write_readme(figures, path):
    before, _, rest = path.read_text("utf-8").partition(MARKS[0])
    _, mark, after = rest.partition(MARKS[1])
    if not mark:
        sys.exit(f"{path} has no place for it")
    path.write_text(before + MARKS[0] + readme(figures) + MARKS[1] + after, "utf-8")


# --- the picture ---

# Title, what it is of, the value, how it is written at its bar.
PANELS = (
    ("Round trips", "587, from the SYN until the caller goes on",
     lambda row: row["rt_exit"]["587"], str),
    ("Instructions", "millions, for a 2 KB message",
     lambda row: row["instructions"] / 1e6, number),
    ("Memory for 2 KB", "peak, MB",
     lambda row: row["rss_kb"]["2k"] / 1000, number),
    ("Memory for 25 MB", "peak, MB",
     lambda row: row["rss_kb"]["25m"] / 1000, number),
    ("Rate of a large message", "25 MB, in parts of ours; more is better",
     lambda row: row["mb_s"] / row["of"]["mb_s"], "{:.2f}".format),
    ("Rate of small messages", "2 KB, 20 at once, in parts of ours; more is better",
     lambda row: row["messages_s"] / row["of"]["messages_s"], "{:.2f}".format),
)

WIDTH, MARGIN, GAP = 840, 24, 32
LABEL, VALUE, ROW, BAR, HEAD = 76, 52, 22, 14, 46

STYLE = """
.page{fill:#ffffff;stroke:#d1d9e0}.text{fill:#1f2328}.soft{fill:#59636e}
.ours{fill:#0969da}.bar{fill:#b6bfc9}.axis{stroke:#d1d9e0}
@media (prefers-color-scheme:dark){.page{fill:#0d1117;stroke:#3d444d}.text{fill:#f0f6fc}
.soft{fill:#9198a1}.ours{fill:#4493f8}.bar{fill:#59616b}.axis{stroke:#3d444d}}
text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px}
.title{font-size:14px;font-weight:600}.mine{font-weight:600}
.end{text-anchor:end}.small{font-size:11px}
"""


def text(x, y, words, kind):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def panel(left, top, width, rows, spec):
    title, unit, value_of, form = spec
    values = [value_of(row) for row in rows]
    scale = (width - LABEL - VALUE) / max(values)
    zero = left + LABEL
    parts = [text(left, top + 14, title, "text title"), text(left, top + 31, unit, "soft small")]
    for i, (row, value) in enumerate(zip(rows, values)):
        ours = row["name"] == "mailchute"
        y = top + HEAD + i * ROW
        middle = y + BAR / 2 + 4
        length = max(value * scale, 1.5)
        mine = " mine" if ours else ""
        parts += [
            text(zero - 8, middle, row["name"] + "*" * (not row["verifies"]), "text end" + mine),
            f'<rect x="{zero:.1f}" y="{y:.1f}" width="{length:.1f}" height="{BAR}" rx="2" '
            f'class="{"ours" if ours else "bar"}"/>',
            text(zero + length + 6, middle, form(value), "text" + mine)]
    bottom = top + HEAD + (len(rows) - 1) * ROW + BAR + 4
    parts.append(f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="{top + HEAD - 4:.1f}" '
                 f'y2="{bottom:.1f}" class="axis"/>')
    return parts


def wrapped(words, width):
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def svg(figures):
    rows = beside(figures)
    across = (WIDTH - 2 * MARGIN - GAP) / 2
    down = HEAD + len(rows) * ROW + 18
    parts = []
    for i, spec in enumerate(PANELS):
        parts += panel(MARGIN + i % 2 * (across + GAP), MARGIN + i // 2 * down, across, rows, spec)
    foot = "One process a message, one sink, the system's roots. "
    if not all(row["verifies"] for row in rows):
        foot += "*: verifies no certificate. "
    foot = wrapped(foot + machine_line(figures), 130)
    y = MARGIN + (len(PANELS) + 1) // 2 * down + 6
    for line in foot:
        parts.append(text(MARGIN, y, line, "soft small"))
        y += 15
    height = y + 6
    told = "; ".join(f"{title}: " + ", ".join(f"{row['name']} {form(value(row))}" for row in rows)
                     for title, _, value, form in PANELS)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">',
        "<!-- SPDX-License-Identifier: ISC -->",
        "<title>What a message costs: mailchute and other mailers</title>",
        f"<desc>{escape(told)}</desc>", f"<style>{STYLE}</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="6" '
        'class="page"/>',
        *parts, "</svg>", ""])


def write(figures, folder):
    (folder / "bench.md").write_text(markdown(figures), "utf-8")
    (folder / "bench.svg").write_text(svg(figures), "utf-8")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    all_figures = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    write(all_figures, pathlib.Path(sys.argv[2]))
    if len(sys.argv) == 4:
        write_readme(all_figures, pathlib.Path(sys.argv[3]))
