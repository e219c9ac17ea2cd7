"""Rows that teach the same thing twice: trajectories of the same actions, and bugs that are nearly the same."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tree_sitter import Node

from tracesmith import files, grammar, patches
from tracesmith.errors import InputError
from tracesmith.sft import origins
from tracesmith.sft.origins import Instance, Origin
from tracesmith.sft.textcalls import CALL

FENCED = re.compile(r"```\w*\n(.*?)\n```\s*$", re.DOTALL)
SHINGLE = 3
"""Actions in a row that are compared together."""
NAMES = (
    "identifier",
    "property_identifier",
    "shorthand_property_identifier",
    "type_identifier",
    "private_property_identifier",
)


class Trajectories:
    """Remembers the actions of rows: by their hashes, so that a run of any size fits."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._all: set[int] = set()
        self._of_instance: tuple[str, list[frozenset[int]]] = ("", [])

    def is_double(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row has the actions of one before: all of them, or most of them for the same instance."""
        done = [" ".join(action.split()) for action in actions(row)]
        whole, pieces = hash_of(done), shingles(done)
        if self._of_instance[0] != row["instance_id"]:
            self._of_instance = (row["instance_id"], [])
        before = self._of_instance[1]
        if whole in self._all or any(_overlap(pieces, other) >= self.share for other in before):
            return True
        self._all.add(whole)
        before.append(pieces)
        return False


def actions(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the agent of a row did, in every style."""
    for message in row["messages"]:
        if message["role"] != "assistant":
            continue
        if message.get("tool_calls"):
            yield " ".join(f"{one['function']['name']} {one['function']['arguments']}" for one in message["tool_calls"])
            continue
        text = message.get("content") or ""
        calls = [f"{name} {body}" for name, body in CALL.findall(text)]
        fenced = FENCED.search(text)
        yield " ".join(calls) if calls else fenced[1] if fenced else text


def shingles(done: list[str]) -> frozenset[int]:
    """Return the hashes of all runs of actions."""
    last = max(1, len(done) - SHINGLE + 1)
    return frozenset(hash_of(done[at : at + SHINGLE]) for at in range(last))


def hash_of(value: Any) -> int:
    """Return 64 bits that stand for a value, the same on every machine."""
    return int(files.digest(value)[:16], 16)


def _overlap(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other)


def doubles(known: Iterable[Origin]) -> dict[str, str]:
    """Return the instances that are nearly another one, each with the one that stays: the first by its id."""
    seen: dict[str, str] = {}
    found: dict[str, str] = {}
    for instance in sorted((origin.instance for origin in known), key=lambda one: one.instance_id):
        keys = _keys(instance)
        first = next((seen[key] for key in keys if key in seen), None)
        if first is not None:
            found[instance.instance_id] = first
        for key in keys:
            seen.setdefault(key, first or instance.instance_id)
    return found


def _keys(instance: Instance) -> list[str]:
    """Return what instances that are nearly the same have in common: failing tests, and line or kind of bug."""
    tests = sorted(instance.FAIL_TO_PASS)
    places = sorted({(name, line) for name, line, _ in origins.touched(instance.patch)})
    kinds = ([instance.repo, tests, "line", places], [instance.repo, tests, "tree", normal_form(instance.patch)])
    return [files.digest(kind) for kind in kinds]


def normal_form(patch: str) -> list[str]:
    """Return a bug as the shapes of its hunks before and after: the kinds of their nodes, names and values left out."""
    try:
        parsed = patches.parse(patch, "bug")
    except InputError:
        return [patch]
    return [
        shape
        for file in parsed
        for hunk in file.hunks
        for shape in (_shape(file.after or file.before or "", hunk.before), _shape(file.after or "", hunk.after))
    ]


def _shape(path: str, text: str) -> str:
    tree = grammar.parser_of(path).parse(text.encode("utf-8", "surrogatepass"))
    return " ".join(_kinds(tree.root_node))


def _kinds(node: Node) -> Iterator[str]:
    if node.type in NAMES:
        yield "name"
    elif node.type in ("string", "number", "template_string", "regex"):
        yield node.type
    elif node.type != "comment":
        yield node.type
        for child in node.children:
            yield from _kinds(child)
