"""Rows of recorded and hand-made runs of mini-swe-agent."""

import json
from pathlib import Path
from typing import Any

import pytest

from sft_samples import DEMO, MINI, PROMPT, read_rows, write_trajectory
from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft import styles, trajectories
from tracesmith.sft.conversion import Settings, convert_trajectories

BASH = PROMPT.with_name("xml_bash.yaml")
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && cat patch.txt"


def convert(root: Path, output: Path, style: str = "xml") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    convert_trajectories(root, output, Settings(style, PROMPT.with_name(trajectories.prompt_name(root))))
    return read_rows(output), files.read_json(output.with_name(f"{output.name}.meta.json"))


def write(root: Path, messages: list[dict[str, Any]]) -> Path:
    folder = root / DEMO
    folder.mkdir(parents=True)
    stats = {"instance_cost": 0.5, "api_calls": 2}
    record = {"info": {"exit_status": "Submitted", "submission": "", "model_stats": stats}, "messages": messages}
    (folder / f"{DEMO}.traj.json").write_text(json.dumps(record), encoding="utf-8")
    return root


def call(number: int, command: str) -> dict[str, Any]:
    arguments = json.dumps({"command": command})
    return {"id": f"call_{number}", "type": "function", "function": {"name": "bash", "arguments": arguments}}


HEAD = [{"role": "system", "content": "You help."}, {"role": "user", "content": "Fix it."}]


def test_a_submitted_run_ends_with_the_submitting_turn_and_has_its_patch(tmp_path: Path) -> None:
    [row], _ = convert(MINI / "submitted", tmp_path / "rows.jsonl")
    roles = [message["role"] for message in row["messages"]]
    assert roles == ["system", "user", *["assistant", "user"] * 5, "assistant"]
    assert row["messages"][-1]["content"] == (
        f"Submit.\n\n<function=bash>\n<parameter=command>{SUBMIT}</parameter>\n</function>"
    )
    assert row["patch"].startswith("diff --git a/src/range.ts")
    assert row["model"] == "openai/scripted"
    extras = row["tracesmith"]
    assert (extras["engine"], extras["exit_status"], extras["cost"]) == ("mini", "Submitted", 0.0)
    assert "str_replace_editor" not in row["messages"][0]["content"]


@pytest.mark.parametrize(("engine", "prompt"), [("mini", "xml_bash.yaml"), ("oracle", "xml_tools.yaml")])
def test_a_trajectory_in_the_layout_of_swe_agent_says_whose_tools_it_uses(
    tmp_path: Path, engine: str, prompt: str
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "a.traj").write_text("{")
    write_trajectory(tmp_path, "b", [*HEAD, {"role": "assistant", "content": "Done."}], info={"engine": engine})
    assert trajectories.prompt_name(tmp_path) == prompt


def test_a_text_run_is_its_own_words_in_ticks_and_calls_in_the_other_styles(tmp_path: Path) -> None:
    recorded = json.loads((MINI / "text_based" / DEMO / f"{DEMO}.traj.json").read_text(encoding="utf-8"))["messages"]
    said = [message["content"] for message in recorded if message["role"] == "assistant"]
    [ticks], _ = convert(MINI / "text_based", tmp_path / "ticks.jsonl", "ticks")
    assert [m["content"] for m in ticks["messages"] if m["role"] == "assistant"] == said
    [xml], _ = convert(MINI / "text_based", tmp_path / "xml.jsonl")
    assert xml["messages"][2]["content"] == (
        "THOUGHT: Let me look at the file.\n\n"
        "<function=bash>\n<parameter=command>cat -n src/range.ts</parameter>\n</function>"
    )
    [tool], _ = convert(MINI / "text_based", tmp_path / "tool.jsonl", "tool")
    assert [m["role"] for m in tool["messages"]] == ["system", "user", *["assistant", "tool"] * 5, "assistant"]
    assert [schema["function"]["name"] for schema in tool["tracesmith"]["tools"]] == ["bash"]


@pytest.mark.parametrize(
    ("run", "reason"), [("no_tool_call", "no_assistant_turn"), ("server_error", "no_assistant_turn")]
)
def test_a_run_in_which_the_agent_did_nothing_is_no_row(tmp_path: Path, run: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"1 {reason}"):
        convert(MINI / run, tmp_path / "rows.jsonl")


def test_a_run_that_met_its_limit_ends_with_the_agents_last_turn(tmp_path: Path) -> None:
    [row], _ = convert(MINI / "step_limit", tmp_path / "rows.jsonl")
    assert row["tracesmith"]["exit_status"] == "LimitsExceeded"
    assert row["messages"][-1]["content"].startswith("Keep looking.")


def test_an_instance_that_never_started_is_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no trajectory in it"):
        convert(MINI / "image_missing", tmp_path / "rows.jsonl")
    root = write(tmp_path / "run", [*HEAD, {"role": "assistant", "content": "x", "tool_calls": [call(1, "ls")]}])
    (root / "preds.json").write_text('{"other__1": {}}', encoding="utf-8")
    (root / "exit_statuses_1.yaml").write_text(
        "instances_by_exit_status:\n  CalledProcessError:\n  - third__1\n", encoding="utf-8"
    )
    _, sidecar = convert(root, tmp_path / "rows.jsonl")
    assert sidecar["dropped"] == [
        {"instance_id": "other__1", "reason": "no_trajectory"},
        {"instance_id": "third__1", "reason": "no_trajectory"},
    ]


def test_parallel_calls_stay_in_one_turn_and_their_answers_become_one_message(tmp_path: Path) -> None:
    both = {"role": "assistant", "content": "Both.", "tool_calls": [call(1, "ls"), call(2, "pwd")]}
    answers = [{"role": "tool", "tool_call_id": f"call_{n}", "content": text} for n, text in ((1, "a"), (2, "b"))]
    last = {"role": "assistant", "content": "", "tool_calls": [call(3, SUBMIT)]}
    root = write(tmp_path / "run", [*HEAD, both, *answers, last])
    [row], _ = convert(root, tmp_path / "rows.jsonl")
    assert row["messages"][2]["content"].count("<function=bash>") == 2
    assert row["messages"][3] == {"role": "user", "content": "a\n\nb"}
    assert row["messages"][4]["content"].startswith("<function=bash>")
    [row], _ = convert(root, tmp_path / "tool.jsonl", "tool")
    assert [message.get("tool_call_id") for message in row["messages"][3:5]] == ["call_1", "call_2"]


def test_thoughts_and_refused_answers_are_counted_and_left_out(tmp_path: Path) -> None:
    complaint = {"role": "user", "content": "Tool call error.", "extra": {"interrupt_type": "FormatError"}}
    thinks = {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Look."}],
        "reasoning_content": "hm",
        "tool_calls": [call(1, "ls")],
    }
    [row], _ = convert(write(tmp_path / "run", [*HEAD, complaint, thinks]), tmp_path / "rows.jsonl")
    assert row["messages"][1]["content"] == "Fix it.\n\nTool call error."
    assert row["messages"][2]["content"].startswith("Look.\n\n<function=bash>")
    assert row["tracesmith"]["not_in_row"] == {"refused_answers": 1, "thinking_blocks": 2}
    assert "hm" not in json.dumps(row["messages"])


def test_the_prompt_for_a_shell_is_a_prompt_file() -> None:
    assert styles.read_prompt(BASH).tools[0]["function"]["name"] == "bash"
