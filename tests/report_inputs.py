"""A run of any size for the report: files as the pipeline writes them, of instances that differ in what is shown."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.reports.run_files import RunFiles

REPO = "npm__css-what.v8.0.0"
OPERATORS = ("op_swap", "remove_cond", "remove_loop", "flip_operators", "off_by_one", "drop_await")
OUTCOMES = ("resolved", "unresolved", "resolved", "timed_out", "empty_patch")
HIDDEN = "src/parse.spec.ts"
PACKED = re.compile(r'<script type="text/html\+gzip">([^<]*)</script>')


def unpacked(text: str) -> str:
    """Return what a part of a page holds that its reader unpacks."""
    return gzip.decompress(base64.b64decode(text)).decode("utf-8")


def opened(page: str) -> str:
    """Return a page as it is when every row was opened."""
    return PACKED.sub(lambda match: unpacked(match[1]), page)


def bug(number: int) -> str:
    """Return a diff of a few lines in one of forty files."""
    name = f"src/part{number % 40}.ts"
    head = f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -{number + 1},7 +{number + 1},7 @@\n"
    context = "".join(f"     const value{place} = read(tokens[{place}], {number});\n" for place in range(6))
    return f"{head}{context}-    if (endIndex < {number}) {{\n+    if (endIndex <= {number}) {{\n"


def make(folder: Path, count: int, characters: int = 2_000) -> RunFiles:
    """Write the files of a run with one trajectory of so many characters an instance."""
    names = [f"{REPO}.func_pm_{OPERATORS[number % len(OPERATORS)]}__{number:08d}" for number in range(count)]
    outcomes = {name: OUTCOMES[number % len(OUTCOMES)] for number, name in enumerate(names)}
    by_outcome: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        by_outcome.setdefault(outcome, []).append(name)
    resolved = by_outcome["resolved"]
    evaluation = {
        "ids_resolved": resolved,
        "ids_unresolved": [name for name in names if outcomes[name] != "resolved"],
        "tracesmith": {"ids_by_outcome": by_outcome},
    }
    rows = folder / "rows.jsonl"
    with rows.open("wb") as out:
        for number, name in enumerate(names):
            out.write(files.json_line(_row(name, number, outcomes[name] == "resolved", characters)))
    return RunFiles(
        dataset=_json(folder / "dataset.json", [_instance(name, number) for number, name in enumerate(names)]),
        predictions=_json(folder / "preds.json", {name: _prediction(name, outcomes[name]) for name in names}),
        evaluation=_json(folder / "evaluation.json", evaluation),
        rows=rows,
    )


def _instance(name: str, number: int) -> dict[str, Any]:
    failing = [f"{HIDDEN} > parse > case {number + place}" for place in range(1 + number % 12)]
    return {
        "instance_id": name,
        "patch": bug(number),
        "FAIL_TO_PASS": failing,
        "PASS_TO_PASS": [f"{HIDDEN} > parse > holds {place}" for place in range(40)],
        "image_name": "image",
        "repo": f"swesmith/{REPO}",
        "problem_statement": f"Selector {number} is read wrongly.\n\n" + "The end is one character too early. " * 12,
        "tracesmith": {
            "strategy": name.removeprefix(f"{REPO}.").partition("__")[0],
            "hidden_tests": [HIDDEN],
            "difficulty": {"lines": 2 + number % 7, "distance": number % 4},
        },
    }


def _prediction(name: str, outcome: str) -> dict[str, Any]:
    patch = "" if outcome == "empty_patch" else bug(int(name[-8:]))
    return {"instance_id": name, "model_patch": patch, "model_name_or_path": "run"}


def _row(name: str, number: int, resolved: bool, characters: int) -> dict[str, Any]:
    said = f"needle{number} " + "and a line of what the tests printed\n" * (characters // 37)
    turns = [
        {"role": "system", "content": "You repair programs."},
        {"role": "user", "content": f"Selector {number} is read wrongly."},
        {"role": "assistant", "content": f"I look.\n<function=bash>sed -n {number}p src/parse.ts</function>"},
        {"role": "user", "content": said},
    ]
    ours = {"exit_status": "submitted", "engine": "mini", "cost": 0.01 + number / 1e6, "tokens": {"qwen": 900 + number}}
    return {"instance_id": name, "messages": turns, "resolved": resolved, "model": "small", "tracesmith": ours}


def _json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path
