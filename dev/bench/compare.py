#!/usr/bin/env python3
"""Minuet beside a synchronous shop: the reference workload for both by turns, a table and four plots (SVG).

    dev/bench/compare.py --yardstick FOLDER --minuet target/release/minuet [--rounds 3] [--out target/comparison]

The synchronous shop (the yardstick) is a folder with a Go program and a `run.sh`:
    run.sh pg-start, run.sh pg-stop             its own PostgreSQL
    run.sh case NAME inflight=N | rate=N        one measure on fresh databases; prints lines with the words
                                                per_s=, p50=, p99= (ms) and C_per_1000= (CPU seconds, all of it)
with its program at $SEEDGO_DIR/seedgo. Needs Go, and nothing beyond Python's standard library.

Each round measures T and L of both, the order changing from round to round; medians count. The sweeps over rates,
orders in flight and partitions run once, after the rounds. Nothing else may run on the machine meanwhile.
"""

import argparse
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile

RATES = [5, 20, 50, 100, 200, 400]
IN_FLIGHT = [1, 8, 32, 128, 512]
PARTITIONS = [1, 2, 4, 8, 16]
REFERENCE_RATE = 50
REFERENCE_IN_FLIGHT = 512
# More in flight makes it slower: its row locks.
YARDSTICK_IN_FLIGHT = 32


def say(text):
    print(text, file=sys.stderr, flush=True)


class Minuet:
    name = "choreographed (Minuet)"

    def __init__(self, binary):
        self.binary = binary

    def bench(self, *options):
        command = [self.binary, "bench", "--json", *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def throughput(self, in_flight, partitions=None):
        more = ["--partitions", str(partitions)] if partitions else []
        figures = self.bench("--only", "throughput", "--in-flight", str(in_flight), *more)
        return {"per_s": figures["throughput_per_s"], "cpu": total(figures["cpu_s_per_1000"])}

    def latency(self, rates):
        figures = self.bench("--only", "latency", "--rate", ",".join(map(str, rates)))
        return [
            {
                "rate": line["orders_per_s"],
                "p50": line["latency_ms"]["p50"],
                "p99": line["latency_ms"]["p99"],
                "cpu": total(line["cpu_s_per_1000"]),
            }
            for line in figures["rates"]
        ]


def total(cpu):
    return cpu["program"] + cpu["postgres"] + cpu["broker"]


class Yardstick:
    name = "orchestrated"

    def __init__(self, folder, scratch):
        self.folder = folder
        self.environment = dict(os.environ, SEEDGO_DIR=scratch)
        build = ["go", "build", "-o", os.path.join(scratch, "seedgo"), "."]
        try:
            subprocess.run(build, cwd=folder, check=True)
        except FileNotFoundError:
            raise SystemExit("go is not here: it builds the yardstick")

    def run(self, *words):
        command = [os.path.join(self.folder, "run.sh"), *words]
        done = subprocess.run(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}")
        return done.stdout

    def case(self, name, setting):
        said = self.run("case", name, setting)

        def field(word):
            found = re.search(rf"\b{word}=([0-9.]+)", said)
            if not found:
                raise SystemExit(f"the yardstick printed no {word}:\n{said[-2000:]}")
            return float(found[1])

        return {"per_s": field("per_s"), "p50": field("p50"), "p99": field("p99"), "cpu": field("C_per_1000")}

    def throughput(self, in_flight):
        return self.case("T", f"inflight={in_flight}")

    def latency(self, rates):
        return [dict(self.case("L", f"rate={rate}"), rate=rate) for rate in rates]


def rounds(minuet, yardstick, number):
    """T and L of both, by turns."""
    seen = {"minuet": [], "yardstick": []}
    for turn in range(number):
        pair = [("minuet", minuet, REFERENCE_IN_FLIGHT), ("yardstick", yardstick, YARDSTICK_IN_FLIGHT)]
        for key, system, in_flight in pair if turn % 2 == 0 else reversed(pair):
            say(f"round {turn + 1} of {number}: {system.name}")
            seen[key].append({"T": system.throughput(in_flight), "L": system.latency([REFERENCE_RATE])[0]})
    return seen


def sweep(minuet, yardstick):
    say("over the rate")
    over = {"rate": {"minuet": minuet.latency(RATES), "yardstick": yardstick.latency(RATES)}}
    say("over orders in flight")
    over["in_flight"] = {
        key: [dict(system.throughput(number), in_flight=number) for number in IN_FLIGHT]
        for key, system in (("minuet", minuet), ("yardstick", yardstick))
    }
    say("over partitions")
    over["partitions"] = [
        dict(minuet.throughput(REFERENCE_IN_FLIGHT, number), partitions=number) for number in PARTITIONS
    ]
    return over


def table(seen):
    """Markdown: medians, every round, and the ratio of the medians."""
    rows = [
        ("T: orders/s", "T", "per_s", "{:,.0f}"),
        ("C: CPU s per 1,000 orders during T", "T", "cpu", "{:.2f}"),
        (f"L at {REFERENCE_RATE}/s: p50, ms", "L", "p50", "{:.1f}"),
        (f"L at {REFERENCE_RATE}/s: p99, ms", "L", "p99", "{:.1f}"),
        (f"CPU s per 1,000 orders at {REFERENCE_RATE}/s", "L", "cpu", "{:.2f}"),
    ]
    lines = [f"| median (rounds) | {Minuet.name} | {Yardstick.name} | ratio |", "|---|---|---|---|"]
    for what, measure, field, shape in rows:
        cells, medians = [], []
        for key in ("minuet", "yardstick"):
            figures = [one[measure][field] for one in seen[key]]
            medians.append(statistics.median(figures))
            every = ", ".join(map(shape.format, figures))
            cells.append(f"{shape.format(medians[-1])} ({every})")
        lines.append(f"| {what} | {cells[0]} | {cells[1]} | {medians[0] / medians[1]:.2f} |")
    return "\n".join(lines)


COLOURS = {"minuet": "#2563eb", "yardstick": "#b45309"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 24, 56, 48


def plot(title, x_name, y_name, series):
    """One SVG with logarithmic axes. series: (label, colour, dashed, [(x, y)])."""
    xs = sorted({x for *_, points in series for x, _ in points})
    ys = [y for *_, points in series for _, y in points]
    steps = [m * 10.0**e for e in range(-3, 7) for m in (1, 2, 5)]
    low = max(step for step in steps if step <= min(ys))
    high = min(step for step in steps if step >= max(ys))

    def at(value, first, last, begin, end):
        part = (math.log(value) - math.log(first)) / ((math.log(last) - math.log(first)) or 1)
        return begin + part * (end - begin)

    def place(x, y):
        return at(x, xs[0], xs[-1], LEFT, WIDTH - RIGHT), at(y, low, high, HEIGHT - BOTTOM, TOP)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12"><title>{title}</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14" fill="#111827">{title}</text>',
    ]
    for step in (step for step in steps if low <= step <= high):
        _, y = place(xs[0], step)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#4b5563">{step:g}</text>')
    for x in xs:
        px, _ = place(x, low)
        out.append(f'<text x="{px:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#4b5563">{x:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle" fill="#111827">{x_name}</text>')
    out.append(
        f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle" '
        f'fill="#111827">{y_name}</text>'
    )
    begin = LEFT
    for label, colour, dashed, points in series:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        path = "L".join("{:.1f} {:.1f}".format(*place(x, y)) for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for x, y in points:
            px, py = place(x, y)
            out.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"><title>{y:g}</title></circle>')
        out.append(f'<path d="M{begin} 38h22" stroke="{colour}" stroke-width="2"{dash}/>')
        out.append(f'<text x="{begin + 27}" y="42" fill="#111827">{label}</text>')
        begin += 40 + 7 * len(label)
    return "\n".join(out) + "\n</svg>\n"


def plots(over):
    """File name and SVG of each plot."""

    def line(label, key, points, x, y, dashed=False):
        return (label, COLOURS[key], dashed, [(point[x], point[y]) for point in points])

    rate, flight = over["rate"], over["in_flight"]
    names = {"minuet": "Minuet", "yardstick": "orchestrated"}
    yield "latency.svg", plot(
        "Submit to final state, by rate",
        "orders a second",
        "ms",
        [
            line(f"{names[key]}, {part}", key, rate[key], "rate", part, dashed=part == "p99")
            for key in names
            for part in ("p50", "p99")
        ],
    )
    yield "cpu.svg", plot(
        "Everything it costs, by rate",
        "orders a second",
        "CPU s per 1,000 orders",
        [line(names[key], key, rate[key], "rate", "cpu") for key in names],
    )
    yield "throughput.svg", plot(
        "Completed orders, by orders in flight",
        "orders in flight",
        "orders a second",
        [line(names[key], key, flight[key], "in_flight", "per_s") for key in names],
    )
    best = max(flight["yardstick"], key=lambda one: one["per_s"])
    ends = [dict(best, partitions=number) for number in (PARTITIONS[0], PARTITIONS[-1])]
    yield "partitions.svg", plot(
        f"Everything it costs, {REFERENCE_IN_FLIGHT} in flight, by partitions",
        "partitions of each topic",
        "CPU s per 1,000 orders",
        [
            line("Minuet", "minuet", over["partitions"], "partitions", "cpu"),
            line("orchestrated at its best (has none)", "yardstick", ends, "partitions", "cpu", dashed=True),
        ],
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yardstick", help="the folder of the synchronous shop")
    parser.add_argument("--minuet", default="target/release/minuet", help="a release build of minuet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-sweep", action="store_true", help="the table only")
    parser.add_argument("--out", help="folder for comparison.json and the plots")
    parser.add_argument("--draw", metavar="JSON", help="measure nothing: table and plots of an earlier comparison.json")
    given = parser.parse_args()
    if not (given.yardstick or given.draw):
        parser.error("--yardstick is missing: the folder of the synchronous shop")

    if given.draw:
        with open(given.draw, encoding="utf-8") as file:
            found = json.load(file)
    else:
        with tempfile.TemporaryDirectory(prefix="minuet-compare-") as scratch:
            # The yardstick's PostgreSQL runs as a user of its own.
            os.chmod(scratch, 0o755)
            minuet, yardstick = Minuet(given.minuet), Yardstick(given.yardstick, scratch)
            yardstick.run("pg-start")
            try:
                found = {"rounds": rounds(minuet, yardstick, given.rounds)}
                if not given.no_sweep:
                    found["over"] = sweep(minuet, yardstick)
            finally:
                yardstick.run("pg-stop")
    print(table(found["rounds"]))
    if given.out:
        os.makedirs(given.out, exist_ok=True)
        with open(os.path.join(given.out, "comparison.json"), "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
        for name, text in plots(found["over"]) if "over" in found else ():
            with open(os.path.join(given.out, name), "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    main()
