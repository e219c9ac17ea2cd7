"""Trying a model over broken inputs: exit code 2, one line that names what is wrong, and nothing written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_training_input import change_json, check_refused, run, shard

import tiny
import workflows
from training_models import talk, write_model

NAMES = [f"{tiny.REPO}.{letter}" for letter in "abc"]
AGENT = workflows.ROOT / "configs/agent/mini_xml.yaml"


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_run(folder: Path, side: str, resolved: list[str]) -> None:
    """Write what a run with one of the two models leaves."""
    predictions = {name: {"instance_id": name, "model_patch": "x", "model_name_or_path": side} for name in NAMES[:2]}
    write(folder / side / "preds.json", predictions)
    unresolved = [name for name in predictions if name not in resolved]
    write(folder / f"{side}.json", {"ids_resolved": resolved, "ids_unresolved": unresolved})
    for name in predictions:
        steps = [{"action": "ls"}, {"action": ""}, {"action": "submit"}]
        info = {"exit_status": "submitted", "model_stats": {"tokens_sent": 10, "tokens_received": 5}}
        write(folder / side / name / f"{name}.traj", {"trajectory": steps, "info": info})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset, both sides of its rows, a model, and what two runs have left."""
    instance = {"image_name": "x", "repo": f"swesmith/{tiny.REPO}", "FAIL_TO_PASS": ["a.spec.ts > a"]}
    diff = "diff --git a/{0}.ts b/{0}.ts\n--- a/{0}.ts\n+++ b/{0}.ts\n@@ -1 +1 @@\n-a\n+b\n"
    rows = [{**instance, "instance_id": name, "patch": diff.format(name[-1]), "PASS_TO_PASS": []} for name in NAMES]
    write(tmp_path / "dataset.json", rows)
    for side, names in (("train", NAMES[:1]), ("validation", NAMES[1:2])):
        lines = [json.dumps({"instance_id": name, "messages": talk()}) for name in names]
        (tmp_path / f"{side}.jsonl").write_text("\n".join(lines) + "\n")
    write_model(tmp_path / "outputs/epoch_1")
    checkpoints = {"epoch_1": {"config.json": "0"}}
    write(tmp_path / "outputs/manifest.json", {"run_id": "r", "checkpoint": "epoch_1", "checkpoints": checkpoints})
    write_run(tmp_path, "base", [])
    write_run(tmp_path, "tuned", NAMES[:1])
    return tmp_path


def hold_out(folder: Path, *more: str) -> Any:
    given = ["--train", "train.jsonl", "--validation", "validation.jsonl", "--output", "out/dataset.json"]
    return run(folder, "hold_out_instances.py", "dataset.json", *given, *more)


def render(folder: Path) -> Any:
    given = ["--model", "outputs/manifest.json", "--output", "out/tuned.yaml"]
    return run(folder, "render_agent_config.py", str(AGENT), *given)


def compare(folder: Path) -> Any:
    sides = [word for side in ("base", "tuned") for word in (f"--{side}", f"{side}/preds.json")]
    reports = [word for side in ("base", "tuned") for word in (f"--{side}-report", f"{side}.json")]
    given = ["--dataset", "dataset.json", *sides, *reports, "--output", "out/report.json"]
    return run(folder, "evaluate_model.py", "outputs/manifest.json", *given)


def serve(folder: Path) -> Any:
    return run(folder, "serve_model.py", "outputs/manifest.json", "--python", "no/python", "--", "touch", "out")


def test_instances_that_no_training_row_is_of_are_held_out_those_of_validation_first(folder: Path) -> None:
    assert hold_out(folder).returncode == 0
    assert [row["instance_id"] for row in json.loads((folder / "out/dataset.json").read_text())] == NAMES[1:]
    assert hold_out(folder, "--max-instances", "1").returncode == 0
    assert [row["instance_id"] for row in json.loads((folder / "out/dataset.json").read_text())] == [NAMES[1]]
    funnel = json.loads((folder / "out/dataset.json.meta.json").read_text())["funnel"]
    assert funnel == {"in": 3, "out": 1, "dropped": {"over_max_instances": 1, "trained_on": 1}}


def test_both_models_are_compared(folder: Path) -> None:
    done = compare(folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out/report.json").read_text())
    assert report["models"]["tuned"]["resolve_rate"] == 0.5
    assert report["models"]["base"]["valid_action_rate"] == pytest.approx(4 / 6)
    assert (report["gained"], report["lost"]) == (NAMES[:1], [])


def other_dataset(folder: Path) -> None:
    rows = json.loads((folder / "dataset.json").read_text())
    write(folder / "dataset.json", rows[1:])


def all_trained(folder: Path) -> None:
    lines = [json.dumps({"instance_id": name, "messages": talk()}) for name in NAMES]
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n")


def drop_prediction(folder: Path) -> None:
    predictions = json.loads((folder / "base/preds.json").read_text())
    del predictions[NAMES[0]]
    write(folder / "base/preds.json", predictions)


def change_model(folder: Path, change: Callable[[Path], Any]) -> None:
    (folder / "model").symlink_to("outputs/epoch_1")
    change(folder)


TRAJECTORY = f"tuned/{NAMES[0]}/{NAMES[0]}.traj"
CASES: dict[str, tuple[Callable[[Path], Any], Callable[[Path], Any], str]] = {
    "rows of another dataset": (hold_out, other_dataset, f"not in dataset.json, the first is {NAMES[0]}"),
    "every bug trained": (hold_out, all_trained, "there are training rows of every instance"),
    "row that is none": (hold_out, lambda at: (at / "train.jsonl").write_text("{}"), "train.jsonl line 1"),
    "no dataset": (hold_out, lambda at: (at / "dataset.json").unlink(), "dataset.json: no such file"),
    "no manifest": (render, lambda at: write(at / "outputs/manifest.json", {}), "manifest.json: key"),
    "checkpoint of nowhere": (
        render,
        lambda at: change_json(at / "outputs/manifest.json", checkpoint="epoch_9"),
        "names 'epoch_9', which is not in 'checkpoints'",
    ),
    "checkpoint without a shard": (render, lambda at: change_model(at, shard), "this file of weights is missing"),
    "served without a shard": (serve, lambda at: change_model(at, shard), "this file of weights is missing"),
    "served by no Python": (serve, lambda _: None, "no such Python; `make training`"),
    "one model tried on less": (compare, drop_prediction, f"only one of the two models was tried on {NAMES[0]}"),
    "no grade": (
        compare,
        lambda at: write(at / "tuned.json", {"ids_resolved": [], "ids_unresolved": []}),
        f"tuned.json: the prediction of {NAMES[0]} has no grade",
    ),
    "no trajectory": (compare, lambda at: (at / TRAJECTORY).unlink(), f"{TRAJECTORY}: no such file"),
    "trajectory of words": (compare, lambda at: write(at / TRAJECTORY, {"trajectory": "x", "info": {}}), TRAJECTORY),
    "predictions of another dataset": (compare, other_dataset, f"the first is {NAMES[0]}"),
}


@pytest.mark.parametrize("kind", CASES)
def test_broken_input_is_refused_and_nothing_is_written(folder: Path, kind: str) -> None:
    script, change, said = CASES[kind]
    change(folder)
    check_refused(script(folder), said)
    assert not (folder / "out").exists()
