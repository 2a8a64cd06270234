#!/usr/bin/env python3
"""Draws docs/demo.svg from a real run: every line appears when the program wrote it."""

import html
import os
import re
import selectors
import subprocess
import sys
import time

COMMAND = ["wait-ready", "inst_demo", "--simulate"]
COLUMNS, FONT, LINE = 110, 13, 19
COLOURS = {"31": "#ff7b72", "33": "#e3b341"}
PROMPT = "#7ee787"


def recorded(program):
    """The lines of a run, each with the time when it came and whether it is the result."""
    environment = {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "WAIT_READY_COLOR": "always",
    }
    started = time.monotonic()
    run = subprocess.Popen(
        [program, *COMMAND[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    lines = []
    with selectors.DefaultSelector() as streams:
        streams.register(run.stderr, selectors.EVENT_READ, False)
        streams.register(run.stdout, selectors.EVENT_READ, True)
        while streams.get_map():
            for key, _ in streams.select(timeout=60):
                line = key.fileobj.readline()
                if line:
                    text = line.decode().rstrip("\n")
                    lines.append((time.monotonic() - started, text, key.data))
                else:
                    streams.unregister(key.fileobj)
    if run.wait(timeout=60) != 0:
        sys.exit(f"the run ended with {run.returncode}")
    # The result is written last, but the two streams are read as they come.
    return sorted(lines, key=lambda line: line[2])


def wrapped(text):
    """`text` cut to the width of the picture, with its colour codes kept whole."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    if len(plain) <= COLUMNS:
        return text
    return text[: COLUMNS + len(text) - len(plain) - 1] + "…"


def spans(text, is_result):
    """`text` as SVG, its colour codes as fills."""
    parts, fill, weight = [], "#ffffff" if is_result else "#c9d1d9", "bold" if is_result else "normal"
    for piece in re.split(r"(\x1b\[[0-9;]*m)", wrapped(text)):
        code = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if code is None:
            if piece:
                parts.append(
                    f'<tspan fill="{fill}" font-weight="{weight}">{html.escape(piece)}</tspan>'
                )
            continue
        numbers = code.group(1).split(";")
        weight = "bold" if "1" in numbers else "normal"
        fill = next((COLOURS[n] for n in numbers if n in COLOURS), "#c9d1d9")
    return "".join(parts)


def drawn(lines):
    """The picture; a viewer that cannot animate shows every line at once."""
    width, height = COLUMNS * FONT * 0.602 + 40, (len(lines) + 1) * LINE + 52
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'width="{width:.0f}" height="{height}" role="img" '
        'aria-label="A simulated wait, from pending to ready, with a 429 and a 503 on the way">',
        "<style>text{font:%dpx ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        "white-space:pre}@keyframes appear{from{opacity:0}to{opacity:1}}"
        ".line{animation:appear 1ms both}</style>" % FONT,
        f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#0d1117"/>',
    ]
    for n, colour in enumerate(["#ff5f56", "#ffbd2e", "#27c93f"]):
        out.append(f'<circle cx="{20 + n * 18}" cy="18" r="5.5" fill="{colour}"/>')
    y = 54
    out.append(
        f'<text xml:space="preserve" x="20" y="{y}"><tspan fill="{PROMPT}">$ </tspan>'
        f'<tspan fill="#ffffff">{html.escape(" ".join(COMMAND))}</tspan></text>'
    )
    for at, text, is_result in lines:
        y += LINE
        out.append(
            f'<text xml:space="preserve" class="line" style="animation-delay:{at + 0.5:.2f}s" x="20" y="{y}">'
            f"{spans(text, is_result)}</text>"
        )
    return "\n".join([*out, "</svg>", ""])


if __name__ == "__main__":
    program = sys.argv[1] if len(sys.argv) > 1 else "target/release/wait-ready"
    folder = os.path.join(os.path.dirname(__file__), "..", "docs")
    picture = drawn(recorded(program))
    with open(os.path.join(folder, "demo.svg"), "w", encoding="utf-8") as file:
        file.write(picture)
