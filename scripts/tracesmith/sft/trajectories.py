"""
Read the trajectories of a run, `<folder>/<id>/<id>.traj` with `.patch` and `.pred`, as SWE-agent 1.1 writes them.

Messages come from `history`: `query` repeats at each step what the model was sent and never holds the last turn.
What comes out begins with the system message, ends with the agent's last turn, and no assistant turn in it was
written by anyone but the agent.
"""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError, TracesmithError

# The turn that SWE-agent appends when it stops the agent, with an empty action: "Exit due to cost limit", …
ARTIFICIAL_END = re.compile(r"Exit(ing)? due to ")
MAY_FOLLOW = {
    "system": (),
    "user": ("system", "user", "assistant", "tool"),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}


class UnusableTrajectoryError(TracesmithError):
    """A trajectory cannot become a row; the run's other trajectories can."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        """A few words in snake_case, counted and listed in the sidecar."""


@dataclass(frozen=True)
class Call:
    """A tool call, with its arguments as the model wrote them and as values."""

    id: str
    name: str
    written: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """A message of the history; thought and action are None where the engine recorded none."""

    role: str
    text: str
    thought: str | None = None
    action: str | None = None
    calls: tuple[Call, ...] = ()
    answers: tuple[str, ...] = ()
    """Ids of the calls that an observation answers."""


@dataclass(frozen=True)
class Trajectory:
    """What a row is made of, whatever its style."""

    turns: tuple[Turn, ...]
    exit_status: str | None
    engine: str
    model: str | None
    patch: str


def list_folders(root: Path) -> list[str]:
    """Return the names of the run's trajectory folders, sorted, hidden ones left out; at least one holds a .traj."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; give the run's folder, which holds <instance_id>/<instance_id>.traj")
    names = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if any(_file(root, name, "traj").is_file() for name in names):
        return names
    if next(root.glob("*/*.traj.json"), None):
        raise InputError(f"{root}: only .traj.json files of mini-swe-agent; so far only SWE-agent's .traj can be read")
    raise InputError(f"{root}: no trajectory in it; it must hold <instance_id>/<instance_id>.traj")


def digest_folder(root: Path, name: str) -> list[str | None]:
    """Return the sha256 of the three files that a row is made from, None for one that is missing."""
    paths = [_file(root, name, ending) for ending in ("traj", "patch", "pred")]
    return [files.digest_file(path) if path.is_file() else None for path in paths]


def read_trajectory(root: Path, name: str) -> Trajectory:
    """Return one trajectory, or raise UnusableTrajectoryError."""
    record = _record(root, name)
    info = record.get("info") or {}
    history = record.get("history")
    if not isinstance(history, list) or not history:
        raise UnusableTrajectoryError("missing_history", "the key 'history' is no list of messages")
    if not isinstance(info, dict) or not all(isinstance(message, dict) for message in history):
        raise UnusableTrajectoryError("malformed_trajectory", "'info' or a message of 'history' is no object")
    turns = tuple(_turn(message) for message in _part_of_the_agent(history))
    _check_roles(turns)
    return Trajectory(
        turns=turns,
        exit_status=_optional_text(info, "exit_status"),
        engine=_optional_text(info, "engine") or "sweagent",
        model=_model(record) or _model_of_prediction(_file(root, name, "pred")),
        patch=_patch(_file(root, name, "patch")),
    )


def _file(root: Path, name: str, ending: str) -> Path:
    return root / name / f"{name}.{ending}"


def _record(root: Path, name: str) -> dict[str, Any]:
    path = _file(root, name, "traj")
    if not path.is_file():
        if path.with_name(f"{name}.traj.json").is_file():
            raise UnusableTrajectoryError(
                "mini_swe_agent_format", f"{path}.json: so far only SWE-agent's .traj can be read"
            )
        raise UnusableTrajectoryError("missing_traj", f"{path}: no such file")
    try:
        record = files.read_json(path)
    except InputError as error:
        raise UnusableTrajectoryError("malformed_trajectory", str(error)) from None
    if not isinstance(record, dict):
        raise UnusableTrajectoryError("malformed_trajectory", f"{path}: a trajectory is an object")
    return record


def _part_of_the_agent(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages up to the agent's last turn, without demonstrations and without SWE-agent's own end."""
    messages = [message for message in history if not message.get("is_demo")]
    while messages and (messages[-1].get("role") != "assistant" or _is_artificial(messages[-1])):
        messages.pop()
    if not messages:
        raise UnusableTrajectoryError("no_assistant_turn", "the history holds no turn of the agent")
    return messages


def _is_artificial(message: dict[str, Any]) -> bool:
    if message.get("tool_calls") or message.get("action"):
        return False
    return bool(ARTIFICIAL_END.match(_text(message)))


def _check_roles(turns: tuple[Turn, ...]) -> None:
    if turns[0].role != "system":
        raise UnusableTrajectoryError("bad_roles", f"the first message is of {turns[0].role!r}, not of 'system'")
    for before, turn in pairwise(turns):
        if before.role not in MAY_FOLLOW[turn.role]:
            raise UnusableTrajectoryError("bad_roles", f"a message of {turn.role!r} follows one of {before.role!r}")


def _turn(message: dict[str, Any]) -> Turn:
    role = message.get("role")
    if not isinstance(role, str) or role not in MAY_FOLLOW:
        raise UnusableTrajectoryError("bad_roles", f"{role!r} is no role")
    if role != "assistant":
        return Turn(role, _text(message), answers=_answers(message))
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise UnusableTrajectoryError("bad_tool_call", "'tool_calls' is no list")
    return Turn(
        role,
        _text(message),
        thought=_optional_text(message, "thought"),
        action=_optional_text(message, "action"),
        calls=tuple(_call(call) for call in calls),
    )


def _text(message: dict[str, Any]) -> str:
    """Return a content as one text; with cache control SWE-agent writes a list of parts."""
    content = message.get("content")
    if content is None and message.get("tool_calls"):
        return ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise UnusableTrajectoryError("bad_content", "a content is neither a text nor a list of parts")
    if any("image" in str(part.get("type")) for part in parts):
        raise UnusableTrajectoryError("image_content", "a message holds an image, a row holds text only")
    if not all(part.get("type") == "text" and isinstance(part.get("text"), str) for part in parts):
        raise UnusableTrajectoryError("bad_content", "a part of a content is no text")
    return "".join(part["text"] for part in parts)


def _answers(message: dict[str, Any]) -> tuple[str, ...]:
    ids = message.get("tool_call_ids") or []
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        raise UnusableTrajectoryError("bad_tool_call", "'tool_call_ids' is no list of texts")
    return tuple(ids)


def _call(call: Any) -> Call:
    try:
        name, written, id_ = call["function"]["name"], call["function"]["arguments"], call["id"]
        arguments = json.loads(written)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise UnusableTrajectoryError("bad_tool_call", "a call has no id, name or arguments in JSON") from None
    if not isinstance(name, str) or not isinstance(id_, str) or not isinstance(arguments, dict):
        raise UnusableTrajectoryError("bad_tool_call", "a call's id or name is no text, or its arguments are no object")
    return Call(id=id_, name=name, written=written, arguments=arguments)


def _model(record: dict[str, Any]) -> str | None:
    """Return the model named in replay_config, which SWE-agent writes as a JSON string."""
    try:
        name = json.loads(record["replay_config"])["agent"]["model"]["name"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return name if isinstance(name, str) else None


def _model_of_prediction(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        prediction = files.read_json(path)
    except InputError as error:
        raise UnusableTrajectoryError("malformed_prediction", str(error)) from None
    return _optional_text(prediction, "model_name_or_path") if isinstance(prediction, dict) else None


def _patch(path: Path) -> str:
    """Return the text of a patch with the line ends it has."""
    try:
        return path.read_bytes().decode("utf-8") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise UnusableTrajectoryError("malformed_patch", f"{path}: not UTF-8 text (byte {error.start})") from None


def _optional_text(record: dict[str, Any], key: str) -> str | None:
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise UnusableTrajectoryError("malformed_trajectory", f"the key {key!r} holds no text")
    return value
