"""Trajectories that were made elsewhere become a run of ours, from recordings of real SWE-agent and mini-swe-agent."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tracesmith.agents import importing, mini_files
from tracesmith.errors import InputError
from tracesmith.sft import trajectories

DATA = Path(__file__).parents[1] / "data"
NAME = "demo__ts-demo.range.bug_0"
MINI, SWE_AGENT = DATA / "mini", DATA / "trajectories"


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def taken_over(source: Path, folder: Path, predictions: Path | None = None) -> dict[str, Any]:
    output = folder / "trajectories" / "me" / "run" / "preds.json"
    importing.run(source, output, predictions)
    return dict(load(output))


def copy(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder / "elsewhere")
    return folder / "elsewhere"


@pytest.mark.parametrize("kind", sorted(path.name for path in SWE_AGENT.iterdir() if path.name != "container_killed"))
def test_a_folder_of_swe_agent_keeps_its_trajectories_predictions_and_statuses(kind: str, tmp_path: Path) -> None:
    found = taken_over(SWE_AGENT / kind, tmp_path)
    run = tmp_path / "trajectories/me/run"
    original = load(SWE_AGENT / kind / NAME / f"{NAME}.traj")
    assert load(run / NAME / f"{NAME}.traj") == original
    pred = load(SWE_AGENT / kind / NAME / f"{NAME}.pred")
    assert found[NAME] == pred == load(run / NAME / f"{NAME}.pred")
    assert (run / NAME / f"{NAME}.patch").exists() == bool(pred["model_patch"])
    meta = load(run / "preds.json.meta.json")
    assert meta["exit_statuses"] == {original["info"]["exit_status"]: len(found)}


def test_an_agent_that_was_killed_has_no_prediction_and_is_counted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its 1 trajectories has a prediction"):
        taken_over(SWE_AGENT / "container_killed", tmp_path)
    both = copy(SWE_AGENT / "submitted", tmp_path)
    other = "demo__ts-demo.range.bug_9"
    shutil.copytree(SWE_AGENT / "container_killed" / NAME, both / other)
    (both / other / f"{NAME}.traj").rename(both / other / f"{other}.traj")
    found = taken_over(both, tmp_path)
    assert other not in found
    meta = load(tmp_path / "trajectories/me/run/preds.json.meta.json")
    assert meta["funnel"]["dropped"] == {"no_prediction": 1}
    assert meta["left_out"] == {"no_prediction": [other]}


def test_a_preds_json_is_made_of_pred_files_however_deep_they_stand(tmp_path: Path) -> None:
    source = tmp_path / "elsewhere"
    shutil.copytree(SWE_AGENT / "submitted" / NAME, source / "user" / "run" / NAME)
    assert taken_over(source, tmp_path)[NAME]["model_patch"].startswith("diff --git")


def test_a_trajectory_of_swe_agent_1_0_is_taken(tmp_path: Path) -> None:
    source = copy(SWE_AGENT / "submitted", tmp_path)
    path = source / NAME / f"{NAME}.traj"
    old = load(path)
    for step in old["trajectory"]:
        step["messages"] = step.pop("query")
    path.write_text(json.dumps(old))
    taken_over(source, tmp_path)
    assert trajectories.read_trajectory(tmp_path / "trajectories/me/run", NAME).exit_status == "submitted"


STATUSES = {
    "submitted": "submitted",
    "text_based": "submitted",
    "step_limit": "exit_cost",
    "no_tool_call": "exit_format",
    "server_error": "exit_error",
}


@pytest.mark.parametrize("kind", STATUSES)
def test_a_folder_of_mini_swe_agent_is_taken_over(kind: str, tmp_path: Path) -> None:
    found = taken_over(MINI / kind, tmp_path)
    trajectory = load(tmp_path / "trajectories/me/run" / NAME / f"{NAME}.traj")
    original = load(MINI / kind / NAME / f"{NAME}.traj.json")
    assert trajectory["info"]["exit_status"] == STATUSES[kind]
    assert trajectory["info"]["engine_exit_status"] == original["info"]["exit_status"]
    assert found[NAME]["model_patch"] == original["info"]["submission"]
    assert "dummy" not in json.dumps(trajectory), "the key of the model"


@pytest.mark.parametrize("kind", ["submitted", "text_based", "step_limit"])
def test_the_commands_of_mini_swe_agent_become_calls_of_bash(kind: str, tmp_path: Path) -> None:
    taken_over(MINI / kind, tmp_path)
    original = load(MINI / kind / NAME / f"{NAME}.traj.json")["messages"]
    read = trajectories.read_trajectory(tmp_path / "trajectories/me/run", NAME)
    calls = [call for turn in read.turns for call in turn.calls]
    assert [call.arguments["command"] for call in calls] == [
        action["command"]
        for message in original
        if message["role"] == "assistant"
        for action in message["extra"]["actions"]
    ]
    assert {call.name for call in calls} == {"bash"}
    seen = [turn for turn in read.turns if turn.role == "tool"]
    assert [turn.answers[0] for turn in seen] == [call.id for call in calls][: len(seen)]
    assert not any("```" in turn.text for turn in read.turns if turn.role == "assistant")
    assert read.model == load(MINI / kind / NAME / f"{NAME}.traj.json")["info"]["config"]["model"]["model_name"]


def test_a_command_of_mini_1_is_read_from_its_block() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "t"},
        {"role": "assistant", "content": "THOUGHT: look\n\n```bash\nls\n```"},
        {"role": "user", "content": "<output>a</output>"},
    ]
    made = mini_files.convert({"messages": messages, "info": {"exit_status": "Submitted"}}, NAME, "x")
    turn = made["history"][2]
    assert (turn["thought"], turn["action"], made["history"][3]["role"]) == ("THOUGHT: look", "ls", "tool")


def test_an_import_again_forgets_the_one_before(tmp_path: Path) -> None:
    source = copy(MINI / "submitted", tmp_path)
    taken_over(source, tmp_path)
    (source / NAME).rename(source / "x__y.other__1")
    (source / "x__y.other__1" / f"{NAME}.traj.json").rename(source / "x__y.other__1" / "x__y.other__1.traj.json")
    (source / "preds.json").unlink()
    assert list(taken_over(source, tmp_path)) == ["x__y.other__1"]
    assert not (tmp_path / "trajectories/me/run" / NAME).exists()


def test_an_instance_with_two_trajectories_is_refused(tmp_path: Path) -> None:
    source = copy(SWE_AGENT / "submitted", tmp_path)
    shutil.copytree(MINI / "submitted" / NAME, source / "again")
    with pytest.raises(InputError, match=f"another trajectory of {NAME}"):
        taken_over(source, tmp_path)


@pytest.mark.parametrize(("text", "said"), [("[1]", "no trajectory of mini"), ("{}", "no trajectory"), ("", "empty")])
def test_what_is_no_trajectory_is_refused(text: str, said: str, tmp_path: Path) -> None:
    source = copy(MINI / "submitted", tmp_path)
    (source / NAME / f"{NAME}.traj.json").write_text(text)
    with pytest.raises(InputError, match=said):
        taken_over(source, tmp_path)


def test_folders_without_trajectories_or_of_our_own_agents_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \.traj or \.traj\.json"):
        taken_over(tmp_path / "empty", tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        taken_over(tmp_path / "nowhere", tmp_path)
    (tmp_path / "trajectories/me/run/a").mkdir(parents=True)
    with pytest.raises(InputError, match="read from where they are written"):
        taken_over(tmp_path / "trajectories/me/run", tmp_path)
    (tmp_path / "trajectories/me/run/a/entry.json").write_text("{}")
    with pytest.raises(InputError, match="an agent of ours has worked here"):
        taken_over(SWE_AGENT / "submitted", tmp_path)
