#!/usr/bin/env python3
"""One wait-ready for 1 to 10,000 instances, the simulated API in another process.

    benches/fleet.py            a table on standard output, a plot to benches/plots/fleet.svg

A wait of one round is taken from a wait of eleven, so what is left is ten rounds without the start
of the process. Medians of RUNS (default 10) of each, one after the other in turns. WAIT_READY_PROGRAM
measures another build than the static one that is released.
"""

import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUSL = "x86_64-unknown-linux-musl"
PROGRAM = Path(os.environ.get("WAIT_READY_PROGRAM", ROOT / f"target/{MUSL}/release/wait-ready"))
API = ROOT / "target/release/examples/simulated_api"
WORK = ROOT / "target/bench-tools/fleet"
SIZES = [1, 10, 100, 1_000, 10_000]
ROUNDS = 10
RUNS = int(os.environ.get("RUNS", "10"))


def run(ids: Path, names: list[str], script: str) -> dict:
    """One wait against an API of its own: what it took, and how many requests that were."""
    api = subprocess.Popen(
        [API, script, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    environment = dict(os.environ)
    for _ in range(2):
        name, _, value = api.stdout.readline().strip().partition("=")
        environment[name] = value
    delays = ["--min-delay", "1ms", "--max-delay", "1ms"]
    # A child of Python begins with the memory of Python, and `time` is small.
    peak = WORK / "peak"
    measured = ["/usr/bin/time", "-f", "%M", "-o", peak]
    begin = time.monotonic()
    process = subprocess.Popen(
        [*measured, PROGRAM, *delays, "--quiet", f"@{ids}"],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"wait-ready ended with {process.returncode}")
    rest, _ = api.communicate()
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": int(peak.read_text()) / 1024,
        "requests": int(rest.partition("=")[2]),
    }


def measure(size: int) -> dict:
    """Ten rounds of a fleet of this size, without the start of the process."""
    names = [f"inst_{number}" for number in range(size)]
    ids = WORK / f"ids-{size}"
    ids.write_text("\n".join(names) + "\n")
    one, many = [], []
    for _ in range(RUNS):
        one.append(run(ids, names, "ready"))
        many.append(run(ids, names, f"pending*{ROUNDS},ready"))

    def median(results: list[dict], what: str) -> float:
        return statistics.median(result[what] for result in results)

    def per_round(what: str) -> float:
        return (median(many, what) - median(one, what)) / ROUNDS

    return {
        "size": size,
        "requests": per_round("requests"),
        "cpu": per_round("cpu") * 1000,
        "latency": per_round("wall") * 1000 - 1,  # the delay of 1 ms
        "start": median(one, "wall") * 1000,
        "memory": median(many, "memory"),
    }


def plot(rows: list[dict]) -> str:
    """Three curves over the size, both axes in powers of ten."""
    curves = [("latency", "latency of a round, ms", "#bc4c00"), ("cpu", "CPU of a round, ms", "#0969da"),
              ("memory", "peak memory, MB", "#57606a")]
    left, right, top, bottom = 70, 620, 44, 366
    low, high = -2, 4

    def across(size: float) -> float:
        return left + (right - left) * math.log10(size) / 4.2

    def up(value: float) -> float:
        value = max(value, 10**low)
        return bottom - (bottom - top) * (math.log10(value) - low) / (high - low)

    svg = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 420" font-family="sans-serif" font-size="13">',
           '<rect width="100%" height="100%" fill="#ffffff"/>',
           f'<text x="{left}" y="24" font-weight="bold">One process for a fleet: what a round costs</text>']
    for power in range(low, high + 1):
        y = up(10**power)
        svg.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#d0d7de"/>'
                   f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    for size in SIZES:
        x = across(size)
        svg.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="#d0d7de"/>'
                   f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{size:,}</text>')
    for number, (key, name, colour) in enumerate(curves):
        points = " ".join(f"{across(row['size']):.1f},{up(row[key]):.1f}" for row in rows)
        svg.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        svg.append(f'<text x="{left + 14}" y="{top + 18 + 18 * number}" fill="{colour}">{name}</text>')
    svg.append(f'<text x="{(left + right) / 2}" y="408" text-anchor="middle">instances</text></svg>\n')
    return "\n".join(svg)


def main() -> None:
    build = ["cargo", "build", "--release", "--locked"]
    subprocess.run([*build, "--example", "simulated_api"], cwd=ROOT, check=True)
    if "WAIT_READY_PROGRAM" not in os.environ:
        subprocess.run([*build, "--bin", "wait-ready", "--target", MUSL], cwd=ROOT, check=True)
    WORK.mkdir(parents=True, exist_ok=True)
    rows = []
    print("| instances | requests a round | CPU a round | latency of a round | whole wait of one round | peak memory |")
    print("|---:|---:|---:|---:|---:|---:|")
    for size in SIZES:
        row = measure(size)
        rows.append(row)
        print(f"| {size:,} | {row['requests']:.0f} | {row['cpu']:.2f} ms | {row['latency']:.1f} ms "
              f"| {row['start']:.1f} ms | {row['memory']:.1f} MB |", flush=True)
    (ROOT / "benches/plots/fleet.svg").write_text(plot(rows))


if __name__ == "__main__":
    main()
