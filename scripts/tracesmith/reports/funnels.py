"""Show the summary of a run as plain text: where its results are, and its funnel."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracesmith import files, schemas
from tracesmith.reports import visible
from tracesmith.reports.run_report import FORMAT_VERSION, SCRIPTED, STAGE

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
STEP = {
    "type": "object",
    "required": ["step", "count", "dropped"],
    "properties": {
        "step": TEXT,
        "count": {"type": ["integer", "null"]},
        "dropped": {"type": "object", "additionalProperties": COUNT},
        "note": {"type": ["string", "null"]},
    },
}
SHAPE = {
    "type": "object",
    "required": ["made_by", "run_id", "engines", "files", "funnel"],
    "properties": {
        "made_by": {
            "type": "object",
            "required": ["stage", "format_version"],
            "properties": {"stage": {"enum": [STAGE]}, "format_version": {"enum": [FORMAT_VERSION]}},
        },
        "run_id": TEXT,
        "engines": {"type": "array", "items": TEXT},
        "files": {"type": "object", "additionalProperties": TEXT},
        "funnel": {"type": "array", "minItems": 1, "items": STEP},
    },
}


def show(path: Path) -> str:
    """Return the text of a run's summary. Raises InputError when the file is none."""
    summary = files.read_json(path)
    schemas.check(summary, SHAPE, f"{path}: no summary of {STAGE}.py")
    lines = [_heading(summary), "", *_results(summary["files"]), "", *_table(summary["funnel"])]
    return "".join(f"{visible.line(line).rstrip()}\n" for line in lines)


def _heading(summary: dict[str, Any]) -> str:
    engines = ", ".join(summary["engines"]) or "not recorded"
    proof = " (scripted: proves the pipeline, no training data)" if set(SCRIPTED) & set(summary["engines"]) else ""
    return f"Run {summary['run_id']}, engine {engines}{proof}"


def _results(paths: dict[str, str]) -> Iterator[str]:
    here = {name: path for name, path in paths.items() if Path(path).exists()}
    wide = max((len(name) for name in here), default=0)
    yield "Results" if here else "Results: none of its files is here; call this from the folder report_run.py ran in"
    for name, path in here.items():
        yield f"  {name:{wide}}  {path}"


def _table(funnel: list[dict[str, Any]]) -> Iterator[str]:
    names = [step["step"].replace("_", " ") for step in funnel]
    counts = ["-" if step["count"] is None else str(step["count"]) for step in funnel]
    lost = [str(count) for step in funnel for count in step["dropped"].values()]
    wide = max(map(len, [*names, "step"]))
    right, drops = max(map(len, [*counts, "count"])), max(map(len, [*lost, "dropped"]))
    yield f"{'step':{wide}}  {'count':>{right}}  {'dropped':>{drops}}  reason"
    for name, count, step in zip(names, counts, funnel, strict=True):
        cells = [(str(number), reason) for reason, number in step["dropped"].items()]
        cells += [("", f"({step['note']})")] if step.get("note") else []
        for position, (number, reason) in enumerate(cells or [("", "")]):
            first = (name, count) if position == 0 else ("", "")
            yield f"{first[0]:{wide}}  {first[1]:>{right}}  {number:>{drops}}  {reason}"
