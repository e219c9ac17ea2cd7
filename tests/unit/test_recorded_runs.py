"""Every recorded run of real SWE-agent and mini-swe-agent becomes what the next stages read."""

import json
from pathlib import Path

import pytest
import yaml

from tracesmith import records
from tracesmith.agents import importing
from tracesmith.errors import InputError
from tracesmith.sft import conversion

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
NO_TURN = ("no_tool_call", "server_error", "rate_limited")
"""Runs in which no turn of the model could be used."""
NO_PREDICTION = ("image_missing", "container_killed")
RECORDED = sorted(
    path
    for path in [*(DATA / "mini").iterdir(), *(DATA / "trajectories").iterdir(), *(DATA / "runs").iterdir()]
    if path.name not in NO_PREDICTION
)
PROMPTS = ROOT / "configs" / "agent"


@pytest.mark.parametrize("source", RECORDED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_recorded_run_ends_as_predictions_statuses_and_rows(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "run" / "preds.json"
    importing.run(source, output)
    names = sorted(path.name for path in source.iterdir() if path.is_dir())
    assert sorted(records.read_predictions(output)) == names
    statuses = yaml.safe_load((output.parent / "run_batch_exit_statuses.yaml").read_text())["instances_by_exit_status"]
    assert sorted(name for group in statuses.values() for name in group) == names
    for status, group in statuses.items():
        for name in group:
            info = json.loads((output.parent / name / f"{name}.traj").read_text())["info"]
            assert info["exit_status"] == status
    rows = tmp_path / "rows.jsonl"
    engine = "bash" if list(source.rglob("*.traj.json")) else "tools"
    settings = conversion.Settings("xml", PROMPTS / f"xml_{engine}.yaml")
    if source.name in NO_TURN:
        with pytest.raises(InputError, match="1 no_assistant_turn"):
            conversion.convert_trajectories(output.parent, rows, settings)
        return
    conversion.convert_trajectories(output.parent, rows, settings)
    made = [json.loads(line)["instance_id"] for line in rows.read_text().splitlines()]
    dropped = json.loads((tmp_path / "rows.jsonl.meta.json").read_text())["dropped"]
    assert sorted([*made, *(row["instance_id"] for row in dropped)]) == names
    assert all(row["reason"] for row in dropped)


@pytest.mark.parametrize("engine", ["mini", "sweagent"])
def test_a_whole_recorded_run_keeps_what_its_agent_handed_in(engine: str, tmp_path: Path) -> None:
    source, output = DATA / "runs" / engine, tmp_path / "run" / "preds.json"
    importing.run(source, output)
    own, found = json.loads((source / "preds.json").read_text()), json.loads(output.read_text())
    assert len(found) == 4
    assert {name: one["model_patch"] for name, one in found.items()} == {
        name: one["model_patch"] for name, one in own.items()
    }
