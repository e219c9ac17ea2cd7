"""The messages of SFT rows, in the one form in which they can be trained: text, and turns that take turns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracesmith import files
from tracesmith.errors import InputError

Messages = list[dict[str, Any]]
"""Each with role and content, and `masked: true` where a turn of the agent is not to be learnt."""
ROLES = ("system", "user", "assistant", "tool")


def read(path: Path) -> Iterator[tuple[str, Messages]]:
    """Yield (file and line, messages) of each row. Raises InputError at the first that cannot be trained."""
    for number, row in files.read_jsonl(path):
        where = f"{path} line {number}"
        if not isinstance(row, dict) or not isinstance(row.get("messages"), list) or not row["messages"]:
            raise InputError(f"{where}: a row needs the key 'messages', a list of messages")
        messages = [_message(message, f"{where} message {place}") for place, message in enumerate(row["messages"])]
        yield where, _masked(messages, row, where)


def check_roles(messages: Messages, where: str) -> None:
    """Raise InputError unless user and assistant take turns, assistant last; a system message may come first."""
    turns = messages[1:] if messages[0]["role"] == "system" else messages
    for place, message in enumerate(turns, start=len(messages) - len(turns)):
        wanted = ("user", "assistant")[(place - len(messages) + len(turns)) % 2]
        if message["role"] != wanted:
            raise InputError(
                f"{where} message {place}: the role is {message['role']!r} where {wanted!r} has to stand; "
                "rows of style xml or ticks have turns that take turns"
            )
    if messages[-1]["role"] != "assistant":
        raise InputError(f"{where}: the last message is not the assistant's: there is nothing to learn at the end")


def _masked(messages: Messages, row: dict[str, Any], where: str) -> Messages:
    """Return messages in which the turns of the agent that a row lists as masked, counted from 0, say so."""
    ours = row.get("tracesmith")
    wanted = ours.get("masked_turns") or [] if isinstance(ours, dict) else []
    turns = [message for message in messages if message["role"] == "assistant"]
    if not isinstance(wanted, list) or not all(type(turn) is int and 0 <= turn < len(turns) for turn in wanted):
        raise InputError(f"{where}: key tracesmith.masked_turns: numbers of turns of the assistant are wanted")
    for turn in wanted:
        turns[turn]["masked"] = True
    if turns and all("masked" in message for message in turns):
        raise InputError(f"{where}: every turn of the assistant is masked: there is nothing to learn")
    return messages


def _message(message: Any, where: str) -> dict[str, Any]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise InputError(f"{where}: a message needs a role, one of {', '.join(ROLES)}")
    content = message.get("content")
    if not isinstance(content, str):
        raise InputError(
            f"{where}: the content has to be text; native tool calls and parts cannot be trained: "
            "use style xml or ticks"
        )
    try:
        content.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{where}: the content holds half of a surrogate pair, which is no text") from None
    return {"role": message["role"], "content": content}
