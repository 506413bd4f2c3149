# SPDX-License-Identifier: Apache-2.0
"""plots.py OUTPUT: how cost grows, as PNG files, from OUTPUT/results.json."""
import json
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 pylint: disable=wrong-import-position

from drivers import NAMES  # noqa: E402 pylint: disable=wrong-import-position

COLOURS = {"floor": "black", "wire": "grey", "single": "tab:brown",
           "single_thread": "tab:purple", "zkcoord": "tab:red", "kazoo": "tab:blue",
           "curator": "tab:green", "gozk": "tab:orange"}


def curve(output, name, title, x_label, figure, points):
    """points: {x: {program: {figure: value}}}"""
    plot, axes = plt.subplots(figsize=(7, 4.5))
    for program in NAMES:
        line = sorted((int(x), rows[program][figure]) for x, rows in points.items()
                      if figure in rows.get(program, {}))
        if line:
            axes.plot(*zip(*line), marker="o", label=program, color=COLOURS[program])
    axes.set(title=title, xlabel=x_label, ylabel=figure, xscale="log")
    if figure.startswith(("MB", "queue", "drain", "idle")):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    plot.tight_layout()
    plot.savefig(os.path.join(output, f"{name}.png"), dpi=120)
    plt.close(plot)


def of_form(many, form):
    return {title.split()[1]: rows for title, rows in many.items() if title.startswith(form)}


def main(output):
    with open(os.path.join(output, "results.json"), encoding="ascii") as f:
        results = json.load(f)
    if "many" in results:
        for form in ("threads", "async"):
            curve(output, f"many-{form}", f"distinct locks of one client, {form}", "at once",
                  "cycles/s", of_form(results["many"], form))
    if "hand-over" in results:
        curve(output, "hand-over", "from the call of release to the next holder", "waiters",
              "p50 us", results["hand-over"])
    for figure in ("MB while queueing", "MB while draining", "queue s", "drain s"):
        if "crowd" in results:
            curve(output, "crowd-" + figure.replace(" ", "-"), "one lock, one client", "waiters",
                  figure, results["crowd"])
    for figure in ("bytes each", "locks/s"):
        if "held" in results:
            curve(output, "held-" + figure.replace(" ", "-").replace("/", "-per-"),
                  "locks held by one process", "locks", figure, results["held"])


if __name__ == "__main__":
    main(sys.argv[1])
