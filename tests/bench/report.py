# SPDX-License-Identifier: Apache-2.0
"""report.py OUTPUT: tables on stdout and in OUTPUT/results.txt, from OUTPUT/results.json."""
import json
import os
import sys

from drivers import NAMES


def number(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def table(rows):
    """rows: {name: {figure: value}}"""
    figures = []
    for columns in rows.values():
        figures += [f for f in columns if f not in figures]
    lines = [["", *figures]]
    for name in sorted(rows, key=NAMES.index):
        lines.append([name, *(number(rows[name].get(f)) for f in figures)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if i else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(line, widths)))
                     for line in lines) + "\n"


def tables(results):
    for title, result in results.items():
        if title == "run":
            yield "run", "  ".join(f"{k}: {v}" for k, v in result.items()) + "\n"
        elif set(result) <= set(NAMES):
            yield title, table(result)
        else:
            for parameter, rows in result.items():
                yield f"{title}: {parameter}", table(rows)


def write(output):
    with open(os.path.join(output, "results.json"), encoding="ascii") as f:
        results = json.load(f)
    text = "\n".join(f"== {title}\n{body}" for title, body in tables(results))
    print(text)
    with open(os.path.join(output, "results.txt"), "w", encoding="ascii") as f:
        f.write(text)


if __name__ == "__main__":
    write(sys.argv[1])
