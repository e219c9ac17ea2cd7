"""
The three ways to write a trajectory as messages: `xml`, `tool` and `ticks`.

Style `xml` is what SWE-agent's `xml_function_calling` parser reads at inference, so a call that this parser would read
back otherwise (`</parameter>` in a value) makes the trajectory unusable instead of teaching it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.sft import textcalls
from tracesmith.sft.turns import Call, Turn, UnusableTrajectoryError

Message = dict[str, Any]
OWN_LINES = ("old_str", "new_str", "file_text")
ENDS_A_CALL = ("</parameter>", "</function>")


@dataclass(frozen=True)
class Prompt:
    """The prompt file of an agent that is given its tools in the system message."""

    system: str
    tools: list[dict[str, Any]]
    """The same tools as OpenAI tool schemas."""


def read_prompt(path: Path) -> Prompt:
    """Return a prompt file, YAML with the keys `system` and `tools`."""
    try:
        found = yaml.safe_load(files.read_text(path))
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        raise InputError(f"{path}: not YAML: see line {mark.line + 1 if mark else 1}") from None
    system = found.get("system") if isinstance(found, dict) else None
    if not isinstance(system, str) or not system.strip():
        raise InputError(f"{path}: the key 'system' must hold the text of the system message")
    tools = found.get("tools")
    if not isinstance(tools, list) or not tools or not all(_is_tool(tool) for tool in tools):
        raise InputError(
            f"{path}: the key 'tools' must list OpenAI tool schemas {{type: function, function: {{name: …}}}}"
        )
    return Prompt(system=system, tools=tools)


def as_xml(turns: Sequence[Turn], prompt: Prompt) -> list[Message]:
    """Return system, user and assistant messages; calls are XML in the assistant's text."""
    return _joined([{"role": "system", "content": prompt.system}, *map(_xml_message, turns[1:])])


def as_ticks(turns: Sequence[Turn], _prompt: Prompt) -> list[Message]:
    """Return system, user and assistant messages; the action stands in a fenced block."""
    return _joined([_ticks_message(turn) for turn in turns])


def as_tool(turns: Sequence[Turn], prompt: Prompt) -> list[Message]:
    """Return OpenAI messages with `tool_calls`, each answered before the agent speaks again."""
    turns = list(textcalls.with_calls(turns, prompt.tools))
    open_calls: set[str] = set()
    for turn in turns:
        answered = set(turn.answers)
        if not answered <= open_calls or (open_calls and not answered):
            raise UnusableTrajectoryError(
                "unanswered_tool_call", "an observation belongs to no call, or a call has none"
            )
        open_calls = open_calls - answered | {call.id for call in turn.calls}
    return [_tool_message(turn) for turn in turns]


STYLES: dict[str, Callable[[Sequence[Turn], Prompt], list[Message]]] = {
    "xml": as_xml,
    "tool": as_tool,
    "ticks": as_ticks,
}


def _joined(messages: list[Message]) -> list[Message]:
    """Return messages in which the user speaks once between two turns of the agent, as trainers demand."""
    found: list[Message] = []
    for message in messages:
        if found and message["role"] == found[-1]["role"] == "user":
            found[-1] = {"role": "user", "content": f"{found[-1]['content']}\n\n{message['content']}"}
        else:
            found.append(message)
    return found


def _is_tool(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _xml_message(turn: Turn) -> Message:
    if turn.role != "assistant":
        return {"role": "user", "content": turn.text}
    if turn.calls:
        thought = _thought(turn)
        if "<function=" in thought:
            raise UnusableTrajectoryError("not_expressible_in_xml", "a thought holds the start tag of a call")
        return {"role": "assistant", "content": _below(thought, "\n".join([_xml_call(call) for call in turn.calls]))}
    if "<function=" in turn.text:
        return {"role": "assistant", "content": turn.text}
    thought, call = textcalls.of_fence(turn, 0)
    return {"role": "assistant", "content": _below(thought, _xml_call(call))}


def _xml_call(call: Call) -> str:
    lines = [f"<function={call.name}>"]
    for key, value in call.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if ENDS_A_CALL[0] in text or ENDS_A_CALL[1] in text:
            raise UnusableTrajectoryError("not_expressible_in_xml", f"the argument {key!r} of a call holds an end tag")
        lines.append(
            f"<parameter={key}>\n{text}\n</parameter>" if key in OWN_LINES else f"<parameter={key}>{text}</parameter>"
        )
    return "\n".join([*lines, "</function>"])


def _ticks_message(turn: Turn) -> Message:
    if turn.role != "assistant":
        return {"role": "user" if turn.role == "tool" else turn.role, "content": turn.text}
    if turn.verbatim:
        return {"role": "assistant", "content": turn.text}
    if not turn.action:
        raise UnusableTrajectoryError("no_action", "an assistant turn has no action")
    return {"role": "assistant", "content": _below(_thought(turn), f"```\n{turn.action}\n```")}


def _tool_message(turn: Turn) -> Message:
    if turn.role == "tool":
        if len(turn.answers) != 1:
            raise UnusableTrajectoryError("bad_tool_call", "an observation answers another number of calls than one")
        return {"role": "tool", "content": turn.text, "tool_call_id": turn.answers[0]}
    if turn.role != "assistant":
        return {"role": turn.role, "content": turn.text}
    if not turn.calls:
        raise UnusableTrajectoryError("no_tool_call", "an assistant turn has no tool calls, as in a run with XML tools")
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.written}}
        for call in turn.calls
    ]
    return {"role": "assistant", "content": _thought(turn), "tool_calls": calls}


def _thought(turn: Turn) -> str:
    return turn.text if turn.thought is None else turn.thought


def _below(thought: str, call: str) -> str:
    return f"{thought}\n\n{call}" if thought.strip() else call
