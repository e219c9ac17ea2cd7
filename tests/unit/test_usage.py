"""What a run took: the calls and steps that are its own, and no others."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tracesmith.errors import InputError
from tracesmith.reports import usage

NAMES = {"demo", "npm__css-what.v8.0.0"}
TABLE = "s\th:m:s\tmax_rss\tcpu_time\n{s}\t0:00:01\t-\t{cpu}\n"


def call(stage: str, outcome: str = "paid", cost: float | None = 0.5) -> dict[str, Any]:
    tokens = {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 40, "seconds": 2.0}
    return {"stage": stage, "outcome": outcome, "call": stage, "model": "m", "cost_usd": cost, **tokens}


def test_calls_are_added_up_by_stage_and_model_of_this_run_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    mine = [call("run_agent/demo"), call("run_agent/demo", "cached"), call("run_agent/demo", "lost", None)]
    others = [
        call("run_agent/demo2"),
        call("write_issues/npm__css-what.v9.0.0"),
        call("write_bugs/npm__css-what.v8.0.0"),
    ]
    ledger.write_text("".join(json.dumps(one) + "\n" for one in [*mine, *others]) + '{"stage": "run_agent/demo", "outc')
    agents, bugs = usage.read_calls(ledger, NAMES)
    assert (agents["stage"], agents["paid"], agents["cost_usd"]) == ("run_agent", 1, 0.5)
    assert (agents["cached"], agents["lost"], agents["prompt_tokens"], agents["completion_tokens"]) == (1, 1, 200, 20)
    assert (bugs["stage"], bugs["paid"]) == ("write_bugs", 1)
    assert usage.read_calls(tmp_path / "none.jsonl", NAMES) == []


def test_a_steps_jobs_are_added_up_and_those_of_a_namesake_left_out(tmp_path: Path) -> None:
    for name in (
        "validate_bugs/npm__css-what.v8.0.0.report.1of2",
        "validate_bugs/npm__css-what.v8.0.0.report.2of2",
        "convert_trajectories/demo.xml",
        "convert_trajectories/demo.v2.xml",
        "validate_bugs/npm__css-what.v8.0.0.report.1of3",
        "run_agent/local/demo.tool",
        "report_run/demo",
        "render_training_config/demo.trl",
        "run_agent/local/demo",
        "write_issues/npm__css-what.v8.0.0__llm",
        "write_issues/npm__css-what.v8.0.0__llm.1of2",
    ):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TABLE.format(s=4 if name.endswith("2of2") else 1, cpu="-" if "demo" in name else 2))
        if name.endswith("1of3"):  # of an earlier run, in other shards
            os.utime(path, (1, 1))
    found = {
        one["step"]: (one["jobs"], one["seconds"], one["cpu_seconds"]) for one in usage.read_durations(tmp_path, NAMES)
    }
    assert found == {
        "validate_bugs": (2, 5.0, 4.0),
        "convert_trajectories": (1, 1.0, 0.0),
        "run_agent": (1, 1.0, 0.0),
        "write_issues": (2, 2.0, 4.0),
        "render_training_config": (1, 1.0, 0.0),
    }
    (tmp_path / "run_agent" / "demo.tsv").write_text("s\nlong\n")
    with pytest.raises(InputError, match="'long' is no number of seconds"):
        usage.read_durations(tmp_path, NAMES)
