"""Reading .traj files: what is let through, and why a trajectory is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from sft_samples import DEMO, RECORDINGS, assistant, history, recorded_history, write_trajectory
from tracesmith.errors import InputError
from tracesmith.sft import trajectories
from tracesmith.sft.trajectories import UnusableTrajectoryError

LAST_WORDS = {
    "call_limit": ("exit_cost", "Keep looking.", 3),
    "command_timeout": ("submitted", "All tests pass, submitting.", 5),
    "container_killed": ("exit_error", "Let me look at the file.", 1),
    "context_window": ("exit_context", "Run the tests to reproduce.", 2),
    "submitted": ("submitted", "All tests pass, submitting.", 5),
    "xml_function_calling": ("submitted", "All tests pass, submitting.", 5),
}
VIEW = {"command": "view", "path": "/testbed"}


def unusable(root: Path, name: str = DEMO) -> str:
    with pytest.raises(UnusableTrajectoryError) as caught:
        trajectories.read_trajectory(root, name)
    return caught.value.reason


@pytest.mark.parametrize("run", sorted(LAST_WORDS))
def test_a_recorded_run_ends_with_the_last_turn_of_the_agent(run: str) -> None:
    status, thought, turns = LAST_WORDS[run]
    found = trajectories.read_trajectory(RECORDINGS / run, DEMO)
    assert found.exit_status == status
    assert (found.turns[-1].role, found.turns[-1].thought) == ("assistant", thought)
    assert sum(turn.role == "assistant" for turn in found.turns) == turns
    assert found.engine == "sweagent"


@pytest.mark.parametrize("run", sorted(LAST_WORDS))
def test_every_assistant_turn_was_written_by_the_agent(run: str) -> None:
    record = json.loads((RECORDINGS / run / DEMO / f"{DEMO}.traj").read_text(encoding="utf-8"))
    answers = [step["response"] for step in record["trajectory"] if step["action"]]
    found = trajectories.read_trajectory(RECORDINGS / run, DEMO)
    assert [turn.text for turn in found.turns if turn.role == "assistant"] == answers


@pytest.mark.parametrize("run", ["no_tool_call", "rate_limited"])
def test_a_recorded_run_without_a_turn_of_the_agent_is_unusable(run: str) -> None:
    assert "Exit due to" in recorded_history(run)[-2]["content"]
    assert unusable(RECORDINGS / run) == "no_assistant_turn"


@pytest.mark.parametrize("words", ["Exit due to token budget exhaustion", "Exiting due to forfeit"])
def test_an_end_made_by_the_engine_is_cut_with_its_observation(tmp_path: Path, words: str) -> None:
    end = {"role": "assistant", "content": words, "thought": words, "action": "", "tool_calls": None}
    observation = {"role": "user", "content": "OBSERVATION:\nExited (autosubmitted)"}
    write_trajectory(tmp_path, DEMO, [*history(VIEW)[:4], end, observation])
    assert [turn.role for turn in trajectories.read_trajectory(tmp_path, DEMO).turns] == ["system", "user", "assistant"]


def test_words_of_the_agent_stay_even_when_they_sound_like_the_engine(tmp_path: Path) -> None:
    turns = history(VIEW)
    turns[4] = assistant("call_end", "submit", {}, "Exit due to a null check: fixed.")
    write_trajectory(tmp_path, DEMO, turns)
    assert trajectories.read_trajectory(tmp_path, DEMO).turns[-1].text == "Exit due to a null check: fixed."


def test_with_two_submits_the_second_ends_the_row(tmp_path: Path) -> None:
    again = [
        assistant("call_2", "submit", {}, "Reviewed."),
        {"role": "tool", "content": "d", "tool_call_ids": ["call_2"]},
    ]
    write_trajectory(tmp_path, DEMO, [*history(VIEW), *again])
    assert [turn.thought for turn in trajectories.read_trajectory(tmp_path, DEMO).turns if turn.calls] == [
        "I look.",
        "Done.",
        "Reviewed.",
    ]


def test_demonstrations_are_no_part_of_the_run(tmp_path: Path) -> None:
    turns = history(VIEW)
    demo = [{"role": "user", "content": "demo", "is_demo": True}, {**turns[2], "content": "demo", "is_demo": True}]
    write_trajectory(tmp_path, DEMO, [turns[0], *demo, *turns[1:]])
    assert "demo" not in {turn.text for turn in trajectories.read_trajectory(tmp_path, DEMO).turns}


def test_parts_of_a_content_are_joined(tmp_path: Path) -> None:
    turns = history(VIEW)
    turns[3]["content"] = [
        {"type": "text", "text": "OBSERVATION:\u2028", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "ok"},
    ]
    write_trajectory(tmp_path, DEMO, turns)
    assert trajectories.read_trajectory(tmp_path, DEMO).turns[3].text == "OBSERVATION:\u2028ok"


def change(position: int, **values: Any) -> list[dict[str, Any]]:
    turns = history(VIEW)
    turns[position].update(values)
    return turns


IMAGE = [{"type": "image_url", "image_url": {"url": "data:"}}]
CALL = {"id": "c", "function": {"name": "bash", "arguments": "{"}}


@pytest.mark.parametrize(
    ("reason", "messages"),
    [
        ("missing_history", None),
        ("missing_history", []),
        ("malformed_trajectory", ["hello"]),
        ("malformed_trajectory", change(2, thought=5)),
        ("bad_roles", change(1, role="developer")),
        ("bad_roles", change(1, role=["user"])),
        ("bad_roles", [{"content": "You help."}, *history(VIEW)[1:]]),
        ("bad_roles", change(0, role="user")),
        ("bad_roles", change(3, role="system")),
        ("bad_roles", change(3, role="assistant")),
        ("bad_roles", history(VIEW)[:1] + history(VIEW)[2:]),
        ("no_assistant_turn", history(VIEW)[:2]),
        ("image_content", change(3, content=IMAGE)),
        ("bad_content", change(3, content=None)),
        ("bad_content", change(3, content=[{"type": "text"}])),
        ("bad_tool_call", change(2, tool_calls=[CALL])),
        ("bad_tool_call", change(2, tool_calls=[{"id": "c", "function": {"name": "bash", "arguments": "[1]"}}])),
        ("bad_tool_call", change(2, tool_calls=["ls"])),
        ("bad_tool_call", change(2, tool_calls={"id": "c"})),
        ("bad_tool_call", change(3, tool_call_ids="call_0")),
    ],
)
def test_a_broken_trajectory_is_unusable_for_a_reason(tmp_path: Path, reason: str, messages: Any) -> None:
    write_trajectory(tmp_path, DEMO, messages)
    assert unusable(tmp_path) == reason


@pytest.mark.parametrize("text", ['{"history": [', "[]", "", "[" * 100_000])
def test_a_file_that_holds_no_trajectory_is_malformed(tmp_path: Path, text: str) -> None:
    write_trajectory(tmp_path, DEMO, []).write_text(text, encoding="utf-8")
    assert unusable(tmp_path) == "malformed_trajectory"


def test_a_folder_without_its_file_is_missing_it(tmp_path: Path) -> None:
    (tmp_path / DEMO).mkdir()
    assert unusable(tmp_path) == "missing_traj"
    (tmp_path / DEMO / f"{DEMO}.traj.json").write_text("{}", encoding="utf-8")
    assert unusable(tmp_path) == "missing_history"


def test_the_model_comes_from_the_configuration_or_else_the_prediction(tmp_path: Path) -> None:
    path = write_trajectory(tmp_path, DEMO, history(VIEW))
    prediction = path.with_suffix(".pred")
    prediction.write_text('{"model_name_or_path": "run"}', encoding="utf-8")
    assert trajectories.read_trajectory(tmp_path, DEMO).model == "openai/model"
    path.write_text(json.dumps({"history": history(VIEW), "replay_config": "{"}), encoding="utf-8")
    found = trajectories.read_trajectory(tmp_path, DEMO)
    assert (found.model, found.exit_status) == ("run", None)
    prediction.write_text("{", encoding="utf-8")
    assert unusable(tmp_path) == "malformed_prediction"
    prediction.unlink()
    assert trajectories.read_trajectory(tmp_path, DEMO).model is None


def test_a_patch_keeps_its_line_ends_and_must_be_text(tmp_path: Path) -> None:
    path = write_trajectory(tmp_path, DEMO, history(VIEW)).with_suffix(".patch")
    assert trajectories.read_trajectory(tmp_path, DEMO).patch == ""
    path.write_bytes("+a\r\n+\u2028\n".encode())
    assert trajectories.read_trajectory(tmp_path, DEMO).patch == "+a\r\n+\u2028\n"
    path.write_bytes(b"\xff\n")
    assert unusable(tmp_path) == "malformed_patch"


def test_folders_are_listed_in_order_without_hidden_ones_and_files(tmp_path: Path) -> None:
    for name in ("b__b", "a__a"):
        write_trajectory(tmp_path, name, [])
    (tmp_path / ".tmp").mkdir()
    (tmp_path / "preds.json").write_text("{}", encoding="utf-8")
    assert trajectories.list_folders(tmp_path) == ["a__a", "b__b"]


def test_a_folder_without_trajectories_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; give the run's folder"):
        trajectories.list_folders(tmp_path / "none")
    (tmp_path / DEMO).mkdir()
    with pytest.raises(InputError, match="no trajectory in it; it must hold"):
        trajectories.list_folders(tmp_path)
    (tmp_path / DEMO / f"{DEMO}.traj.json").write_text("{}", encoding="utf-8")
    assert trajectories.list_folders(tmp_path) == [DEMO]
