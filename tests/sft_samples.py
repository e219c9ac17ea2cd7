"""Recorded SWE-agent runs, hand-made trajectories, and an independent reader of calls written as XML."""

import json
import re
from pathlib import Path
from typing import Any

RECORDINGS = Path(__file__).parent / "data" / "trajectories"
MINI = Path(__file__).parent / "data" / "mini"
PROMPT = Path(__file__).parent.parent / "configs" / "agent" / "xml_tools.yaml"
DEMO = "demo__ts-demo.range.bug_0"


def history(*arguments: dict[str, Any], thought: str = "I look.") -> list[dict[str, Any]]:
    """Return a history in which the agent edits with each of these arguments, then submits."""
    messages = [
        {"role": "system", "content": "You help.", "message_type": "system_prompt"},
        {"role": "user", "content": "Fix it.", "message_type": "observation"},
    ]
    for number, values in enumerate(arguments):
        messages.append(assistant(f"call_{number}", "str_replace_editor", values, thought))
        messages.append({"role": "tool", "content": "OBSERVATION:\nok", "tool_call_ids": [f"call_{number}"]})
    messages.append(assistant("call_end", "submit", {}, "Done."))
    messages.append({"role": "tool", "content": "OBSERVATION:\ndiff", "tool_call_ids": ["call_end"]})
    return messages


def assistant(id_: str, name: str, arguments: dict[str, Any], thought: str) -> dict[str, Any]:
    """Return an assistant message with one call."""
    call = {"type": "function", "id": id_, "function": {"name": name, "arguments": json.dumps(arguments)}}
    action = f"{name} {' '.join(map(str, arguments.values()))}".strip()
    return {"role": "assistant", "content": thought, "thought": thought, "action": action, "tool_calls": [call]}


def write_trajectory(root: Path, name: str, messages: Any, **record: Any) -> Path:
    """Write <root>/<name>/<name>.traj and return its path."""
    folder = root / name
    folder.mkdir(parents=True)
    config = json.dumps({"agent": {"model": {"name": "openai/model"}}})
    record = {"history": messages, "info": {"exit_status": "submitted"}, "replay_config": config} | record
    path = folder / f"{name}.traj"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def write_report(path: Path, resolved: list[str], unresolved: list[str]) -> Path:
    """Write a run-level report and return its path."""
    counts = {"resolved": len(resolved), "unresolved": len(unresolved), "total": len(resolved) + len(unresolved)}
    path.write_text(json.dumps(counts | {"ids_resolved": resolved, "ids_unresolved": unresolved}), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSONL file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def recorded_history(run: str, name: str = DEMO) -> list[dict[str, Any]]:
    """Return the history of a recorded trajectory."""
    return json.loads((RECORDINGS / run / name / f"{name}.traj").read_text(encoding="utf-8"))["history"]


def parse_calls(text: str) -> tuple[str, list[tuple[str, dict[str, Any]]]]:
    """Read an assistant turn of style xml: its thought and its calls, values as text."""
    thought, _, rest = text.partition("<function=")
    calls = []
    for block in filter(None, ("<function=" + rest).split("<function=")):
        name, body = block.split(">\n", 1)
        body = body[: body.index("</function>")]
        values = re.findall(r"<parameter=(.*?)>(.*?)</parameter>\n", body, re.DOTALL)
        calls.append((name, {key: _own_lines(key, value) for key, value in values}))
    return thought.removesuffix("\n\n"), calls


def _own_lines(key: str, value: str) -> str:
    if key not in {"old_str", "new_str", "file_text"}:
        return value
    assert value.startswith("\n") and value.endswith("\n"), f"{key} is not on lines of its own: {value!r}"
    return value[1:-1]
