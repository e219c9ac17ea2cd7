"""
The figures of a run, drawn by matplotlib as SVG: for its page, and as files for Snakemake's own report.

Colours are names of the page's style sheet, so that a figure is light or dark as its page is; a file brings them along.
The same numbers give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from tracesmith import files
from tracesmith.reports import visible
from tracesmith.reports.training import Chart

WIDTH_IN, ROW_IN = 5.0, 0.27
"""Of a figure, and of a bar's row, in inches; a page scales a figure to what there is room for."""
LETTER_IN = 0.082
"""Of a name beside a bar: as wide as letters are, roughly."""
MOST_ROWS = 12
"""Of bars: a table has the rest."""
BINS = 24
COLOURS = {"#010101": "--ink", "#020202": "--quiet", "#030303": "--bar", "#040404": "--accent", "#050505": "--line"}
INK, QUIET, BAR, ACCENT, LINE = COLOURS
TITLES = {"operators": "By operator", "methods": "By method", "files_changed": "By changed file"}
ALONE = "<style>:root{--ink:#23262b;--quiet:#62666d;--bar:#8fafc9;--accent:#2f5d86;--line:#dedad0}</style>"
STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
}


@dataclass(frozen=True)
class Figure:
    """A figure with the words under it."""

    name: str
    caption: str
    svg: str
    """An element for a page."""


def draw(summary: Mapping[str, Any], tokens: Mapping[str, Sequence[int]], charts: Sequence[Chart]) -> list[Figure]:
    """Return the figures of a run: by its summary, the tokens of its rows by chat format, and its training's curves."""
    with mpl.rc_context(STYLE):
        return [
            _bars("funnel", "From candidates to rows", [_step(step) for step in summary["funnel"]], ["left"]),
            *_yields(summary),
            *_difficulty(summary["difficulty"]),
            *(_histogram(name, counts, summary["agents"]["tokens"][name]) for name, counts in sorted(tokens.items())),
            *_costs(summary["calls"]),
            *_durations(summary["durations"]),
            *(_curve(chart) for chart in charts),
        ]


def write(figures: Sequence[Figure], folder: Path) -> None:
    """Write each figure as NAME.svg into a folder."""
    for figure in figures:
        head, rest = figure.svg.split(">", 1)
        name = re.sub(r"[^\w-]", "-", figure.name)  # a chat format's, as rows say it
        files.write_bytes(folder / f"{name}.svg", f"{head}>{ALONE}{rest}".encode())


Row = tuple[str, Sequence[float | None]]
"""A bar's name, and its lengths from the longest to the shortest."""


def _step(step: Mapping[str, Any]) -> Row:
    return step["step"].replace("_", " "), [step["count"]]


def _yields(summary: Mapping[str, Any]) -> list[Figure]:
    found = []
    for kind, title in TITLES.items():
        keys = [key for key in ("tried", "valid", "instances", "resolved") if summary[kind] and key in summary[kind][0]]
        keys = [key for key in keys if summary[kind][0][key] is not None]
        rows = [
            (one["name"].replace("func_pm_", "").replace("_", " "), [one[key] for key in keys]) for one in summary[kind]
        ]
        if rows:
            caption = f"{title}: {' · '.join(keys)}"
            found.append(_bars(kind, caption, rows, keys))
    return found


def _difficulty(ranges: Sequence[Mapping[str, Any]]) -> list[Figure]:
    names = {"fail_to_pass": "failing tests", "distance": "imports between"}
    rows: list[Row] = []
    for one in ranges:
        key = one["find"].partition(":")[0]
        rows.append((f"{names.get(key, key)}: {one['range']}", [one["instances"], one["resolved"]]))
    return [_bars("difficulty", "By difficulty: graded · resolved", rows, ["graded", "resolved"])] if rows else []


def _costs(calls: Sequence[Mapping[str, Any]]) -> list[Figure]:
    rows: list[Row] = [
        (f"{one['stage'].replace('_', ' ')}, {one['model'].rpartition('/')[2]}", [round(one["cost_usd"], 4)])
        for one in calls
    ]
    return [_bars("cost", "USD by stage and model", rows, ["USD"])] if rows else []


def _durations(steps: Sequence[Mapping[str, Any]]) -> list[Figure]:
    rows: list[Row] = [(one["step"].replace("_", " "), [round(one["seconds"], 1)]) for one in steps]
    return [_bars("durations", "Seconds of the last job of each step", rows, ["seconds"])] if rows else []


def _bars(name: str, caption: str, rows: Sequence[Row], keys: Sequence[str]) -> Figure:
    """Draw a row a name: bars over each other, the shortest in front, and their numbers behind the name."""
    shown = rows[:MOST_ROWS]

    def _draw(axes: Axes) -> None:
        shades = [LINE, BAR, ACCENT, INK][-len(keys) :] if len(keys) > 2 else [BAR, ACCENT]
        for place, (_, lengths) in enumerate(shown):
            for length, shade in zip(lengths, shades, strict=False):
                axes.barh(place, length or 0, color=shade, height=0.7)
            longest = max((length or 0 for length in lengths), default=0)
            text = " · ".join("-" if length is None else f"{length:,}" for length in lengths)
            axes.annotate(text, (longest, place), xytext=(4, 0), textcoords="offset points", va="center", color=QUIET)
        axes.set_yticks(range(len(shown)), [_short(row[0]) for row in shown])
        axes.invert_yaxis()
        axes.set_xlim(0, (max((max((one or 0 for one in row[1]), default=0) for row in shown), default=0) or 1) * 1.35)
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)

    left_in = 0.1 + LETTER_IN * max((len(_short(row[0])) for row in shown), default=0)
    more = f"; {len(rows) - MOST_ROWS} more are in the table" if len(rows) > MOST_ROWS else ""
    return Figure(name, caption + more, _svg(name, ROW_IN * len(shown) + 0.2, _draw, left_in))


def _histogram(template: str, counts: Sequence[int], about: Mapping[str, Any]) -> Figure:
    """Draw how many rows have how many tokens, and how many they may have."""
    limit = about["max_seq_len"]

    def _draw(axes: Axes) -> None:
        axes.hist(counts, bins=BINS, range=(0, max(counts) or 1), color=BAR, rwidth=0.9)
        if limit:
            axes.axvline(limit, color=ACCENT, linewidth=1.5)
            axes.set_xlim(0, max(axes.get_xlim()[1], limit * 1.05))
        axes.set_xlabel("tokens")
        axes.set_ylabel("rows")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))

    said = f"; {about['longer']:,} are longer than max_seq_len, {limit:,}, the upright line" if limit else ""
    return Figure(f"tokens_{template}", f"Tokens of {len(counts):,} rows, {template}{said}", _svg(template, 2.2, _draw))


def _curve(chart: Chart) -> Figure:
    """Draw a curve of a training."""

    def _draw(axes: Axes) -> None:
        axes.plot(*zip(*chart.points, strict=True), color=ACCENT, linewidth=1.3)
        axes.set_xlabel("step")

    unit = f" ({chart.unit})" if chart.unit else ""
    said = f"{chart.name}{unit}: {chart.first:.4g} at the first step, {chart.last:.4g} at the last of {chart.steps:,}"
    return Figure(chart.key, said, _svg(chart.key, 2.0, _draw))


def _svg(name: str, height_in: float, draw_on: Callable[[Axes], None], left_in: float = 0.0) -> str:
    """Return an element whose ids are of this figure alone, with names of colours instead of colours."""
    canvas = Canvas(figsize=(WIDTH_IN, height_in))
    # By hand: matplotlib's own layout measures each text twice, as long as all the rest takes.
    around = 0.0 if left_in else 0.5
    canvas.subplots_adjust((left_in or 0.7) / WIDTH_IN, around / height_in, 1 - 0.05 / WIDTH_IN, 1 - 0.1 / height_in)
    draw_on(canvas.subplots())
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser has the letters, and draws the text
        canvas.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text[text.index("<svg") :], flags=re.S)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r'(<g) id="[^"]*"', r"\1", text)
    text = re.sub(r"<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>", "", text)
    for colour, variable in COLOURS.items():
        text = text.replace(colour, f"var({variable})")
    return re.sub(r"\n\s*", "\n", text).strip()


def _short(text: str) -> str:
    one = visible.line(text)
    return one if len(one) <= 34 else f"…{one[-33:]}"
