"""Calls in an agent's text: as XML (SWE-agent's `xml_function_calling`) or in a fence (mini's text modes)."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from tracesmith.sft.turns import Call, Turn, UnusableTrajectoryError

CALL = re.compile(r"<function=([^>]+)>\n(.*?)</function>", re.DOTALL)
PARAMETER = re.compile(r"<parameter=([^>]+)>(.*?)</parameter>", re.DOTALL)
ALIASES = {"execute_bash": "bash", "finish": "submit"}


def with_calls(turns: Sequence[Turn], tools: Sequence[dict[str, Any]]) -> Iterator[Turn]:
    """Yield the turns of a run in text as those of a run with tool calls: same words, the calls apart from them."""
    types = {tool["function"]["name"]: _types(tool) for tool in tools}
    waiting: str | None = None
    for number, turn in enumerate(turns):
        if turn.role == "assistant" and not turn.calls:
            thought, call = _of_xml(turn, number, types) if "<function=" in turn.text else of_fence(turn, number)
            waiting = call.id
            yield replace(turn, thought=thought, calls=(call,))
        elif turn.role == "user" and waiting is not None:
            yield replace(turn, role="tool", answers=(waiting,))
            waiting = None
        else:
            waiting = None
            yield turn


def of_fence(turn: Turn, number: int) -> tuple[str, Call]:
    """Return the thought before a fenced command, and the command as a call of bash."""
    if turn.action is None or turn.thought is None or not turn.verbatim:
        raise UnusableTrajectoryError("no_tool_call", "an assistant turn has no call that can be told from its words")
    arguments = {"command": turn.action}
    return turn.thought, Call(f"call_{number}", "bash", json.dumps(arguments, ensure_ascii=False), arguments)


def _of_xml(turn: Turn, number: int, types: dict[str, dict[str, str]]) -> tuple[str, Call]:
    """Return thought and call as SWE-agent's parser reads them."""
    match = CALL.search(turn.text)
    if not match or turn.text[match.end() :].strip():
        raise UnusableTrajectoryError("no_tool_call", "an assistant turn in XML holds more, or less, than one call")
    name = ALIASES.get(match[1], match[1])
    known = types.get(name, {})
    arguments = {key: _value(text, known.get(key, "string")) for key, text in PARAMETER.findall(match[2])}
    call = Call(f"call_{number}", name, json.dumps(arguments, ensure_ascii=False), arguments)
    return turn.text[: match.start()].rstrip(), call


def _value(text: str, kind: str) -> Any:
    text = text.removeprefix("\n").removesuffix("\n")
    if kind == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _types(tool: dict[str, Any]) -> dict[str, str]:
    properties = tool["function"].get("parameters", {}).get("properties", {})
    return {name: str(schema.get("type", "string")) for name, schema in properties.items()}
