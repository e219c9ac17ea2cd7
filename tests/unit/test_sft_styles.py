"""The three styles of an SFT row."""

import json
from pathlib import Path

import pytest
import yaml

from sft_samples import DEMO, PROMPT, RECORDINGS, history, parse_calls, recorded_history, write_trajectory
from tracesmith.errors import InputError
from tracesmith.sft import styles, trajectories
from tracesmith.sft.trajectories import UnusableTrajectoryError

RUNS_WITH_CALLS = ["call_limit", "command_timeout", "container_killed", "context_window", "submitted"]


def messages(style: str, root: Path, name: str = DEMO) -> list[styles.Message]:
    return styles.STYLES[style](trajectories.read_trajectory(root, name).turns, styles.read_prompt(PROMPT))


def made(tmp_path: Path, *arguments: dict[str, object], thought: str = "I look.") -> Path:
    write_trajectory(tmp_path, DEMO, history(*arguments, thought=thought))
    return tmp_path


@pytest.mark.parametrize("run", RUNS_WITH_CALLS)
def test_each_xml_turn_reads_back_as_the_recorded_call(run: str) -> None:
    said = [message for message in recorded_history(run) if message.get("tool_calls")]
    written = [message["content"] for message in messages("xml", RECORDINGS / run) if message["role"] == "assistant"]
    assert len(written) == len(said) > 0
    for text, message in zip(written, said, strict=True):
        function = message["tool_calls"][0]["function"]
        arguments = json.loads(function["arguments"])
        values = {key: value if isinstance(value, str) else json.dumps(value) for key, value in arguments.items()}
        assert parse_calls(text) == (message["thought"], [(function["name"], values)])


@pytest.mark.parametrize(
    "values",
    [
        {"command": "create", "path": "/testbed/a.ts", "file_text": "export {};\n"},
        {"command": "str_replace", "path": "/testbed/a.ts", "old_str": "\n\n  a", "new_str": ""},
        {"command": "insert", "path": "/testbed/a.ts", "insert_line": 0, "new_str": "const s = `<p>\u2028</p>`;"},
        {"command": "view", "path": "/testbed/ä.ts", "view_range": [5, -1]},
    ],
)
def test_awkward_values_survive_xml(tmp_path: Path, values: dict[str, object]) -> None:
    text = messages("xml", made(tmp_path, values))[2]["content"]
    _, [(name, found)] = parse_calls(text)
    assert name == "str_replace_editor"
    assert found == {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def test_the_layout_of_an_xml_turn(tmp_path: Path) -> None:
    values = {"command": "str_replace", "path": "/a.ts", "old_str": "x\n  y", "new_str": "z", "view_range": [1, 9]}
    assert messages("xml", made(tmp_path, values))[2]["content"] == (
        "I look.\n\n"
        "<function=str_replace_editor>\n"
        "<parameter=command>str_replace</parameter>\n"
        "<parameter=path>/a.ts</parameter>\n"
        "<parameter=old_str>\nx\n  y\n</parameter>\n"
        "<parameter=new_str>\nz\n</parameter>\n"
        "<parameter=view_range>[1, 9]</parameter>\n"
        "</function>"
    )


@pytest.mark.parametrize("style", ["xml", "ticks"])
def test_an_empty_thought_leaves_no_blank_line(tmp_path: Path, style: str) -> None:
    text = messages(style, made(tmp_path, {"command": "view", "path": "/a"}, thought=""))[2]["content"]
    assert text.startswith(("<function=str_replace_editor>", "```\nstr_replace_editor"))


@pytest.mark.parametrize("value", ["a </parameter> b", "a </function> b"])
def test_a_call_that_the_parser_would_cut_makes_no_row(tmp_path: Path, value: str) -> None:
    root = made(tmp_path, {"command": "create", "path": "/a", "file_text": value})
    with pytest.raises(UnusableTrajectoryError, match="not_expressible_in_xml"):
        messages("xml", root)
    assert messages("tool", root) and messages("ticks", root)


def test_a_thought_that_looks_like_a_call_makes_no_xml_row(tmp_path: Path) -> None:
    root = made(tmp_path, {"command": "view", "path": "/a"}, thought="Should I <function=submit>\n</function>?")
    with pytest.raises(UnusableTrajectoryError, match="not_expressible_in_xml"):
        messages("xml", root)


def test_xml_has_three_roles_and_the_system_message_of_inference() -> None:
    found = messages("xml", RECORDINGS / "submitted")
    assert found[0] == {"role": "system", "content": yaml.safe_load(PROMPT.read_text(encoding="utf-8"))["system"]}
    assert [message["role"] for message in found[1:]] == ["user", "assistant"] * 5
    assert found[3]["content"] == recorded_history("submitted")[3]["content"]
    assert all(set(message) == {"role", "content"} for message in found)


def test_turns_of_an_xml_run_stay_as_they_are() -> None:
    recorded = recorded_history("xml_function_calling")
    found = messages("xml", RECORDINGS / "xml_function_calling")
    assert found[0]["content"] != recorded[0]["content"]
    assert [message["content"] for message in found[1:]] == [message["content"] for message in recorded[1:-1]]


def test_an_xml_run_gives_tool_rows_and_ticks_from_its_actions() -> None:
    root = RECORDINGS / "xml_function_calling"
    found = messages("tool", root)
    assert [message["role"] for message in found] == ["system", "user", *["assistant", "tool"] * 4, "assistant"]
    view = found[2]["tool_calls"][0]
    assert found[2]["content"] == "Let me look at the file."
    assert json.loads(view["function"]["arguments"])["path"] == "/testbed/src/range.ts"
    assert found[3]["tool_call_id"] == view["id"]
    assert messages("ticks", root)[-1]["content"] == "All tests pass, submitting.\n\n```\nsubmit\n```"


def test_ticks_hold_thought_and_action_and_keep_the_system_message() -> None:
    recorded = recorded_history("submitted")
    found = messages("ticks", RECORDINGS / "submitted")
    assert found[0] == {"role": "system", "content": recorded[0]["content"]}
    for message, source in zip(found[2::2], recorded[2::2], strict=True):
        assert message == {"role": "assistant", "content": f"{source['thought']}\n\n```\n{source['action']}\n```"}


def test_tool_rows_are_openai_messages() -> None:
    recorded = recorded_history("submitted")
    found = messages("tool", RECORDINGS / "submitted")
    assert [message["role"] for message in found] == ["system", "user", *["assistant", "tool"] * 4, "assistant"]
    call = recorded[2]["tool_calls"][0]
    assert found[2] == {"role": "assistant", "content": "Let me look at the file.", "tool_calls": [call]}
    assert found[3] == {"role": "tool", "content": recorded[3]["content"], "tool_call_id": call["id"]}


def test_a_call_without_an_answer_makes_no_tool_row(tmp_path: Path) -> None:
    turns = history({"command": "view", "path": "/a"})
    turns[3]["tool_call_ids"] = ["another"]
    write_trajectory(tmp_path, DEMO, turns)
    with pytest.raises(UnusableTrajectoryError, match="unanswered_tool_call"):
        messages("tool", tmp_path)


def test_several_calls_of_a_turn_are_all_written(tmp_path: Path) -> None:
    turns = history({"command": "view", "path": "/a"}, {"command": "view", "path": "/b"})
    first, second = turns[2], turns.pop(4)
    first["tool_calls"] += second["tool_calls"]
    write_trajectory(tmp_path, DEMO, turns)
    assert [values["path"] for _, values in parse_calls(messages("xml", tmp_path)[2]["content"])[1]] == ["/a", "/b"]
    assert [message["role"] for message in messages("tool", tmp_path)[2:5]] == ["assistant", "tool", "tool"]


def test_the_prompt_names_the_tools_it_has_schemas_for() -> None:
    prompt = styles.read_prompt(PROMPT)
    names = [tool["function"]["name"] for tool in prompt.tools]
    assert names == ["bash", "str_replace_editor", "submit"]
    for number, tool in enumerate(prompt.tools, start=1):
        start = prompt.system.index(f"---- BEGIN FUNCTION #{number}: {tool['function']['name']} ----")
        block = prompt.system[start : prompt.system.index(f"---- END FUNCTION #{number} ----")]
        assert all(f") {name} (" in block for name in tool["function"]["parameters"]["properties"])
    assert "TypeScript" in prompt.system and "{{" not in prompt.system


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("system: [", "not YAML: see line"),
        ("- a", "'system'"),
        ("system: ''", "'system'"),
        ("system: hello", "'tools'"),
        ("system: hello\ntools: [bash]", "'tools'"),
        ("system: \x00", "not YAML"),
    ],
)
def test_a_bad_prompt_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prompt.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        styles.read_prompt(path)
    assert str(path) in str(caught.value)
