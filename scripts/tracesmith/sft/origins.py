"""
What a dataset says about the instances of a run: repository, bug, and the group that a split keeps together.

Bugs whose lines touch each other in one file are one group, so that no validation row is a training row's bug in other
words; a bug of several files joins the groups of all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tracesmith import files, patches, records
from tracesmith.errors import InputError


class Instance(msgspec.Struct):
    """Of a record of `logs/agent_datasets/<repo>_final.json`, what rows need; lists of passing tests are skipped."""

    instance_id: str
    repo: str
    patch: str
    FAIL_TO_PASS: list[str]
    image_name: str = ""
    tracesmith: dict[str, Any] = {}


@dataclass(frozen=True)
class Origin:
    """An instance, and its group."""

    instance: Instance
    group: str

    @property
    def source(self) -> str | None:
        """Return the hash of the pristine tree."""
        found = self.instance.tracesmith.get("source_hash")
        return found if isinstance(found, str) else None


def read(path: Path) -> dict[str, Origin]:
    """Return the instances of a dataset, JSON list or JSONL, by their ids."""
    found = _instances(path)
    groups = _groups(found)
    return {instance.instance_id: Origin(instance, groups[instance.instance_id]) for instance in found}


def repo_of(instance_id: str) -> str:
    """Return the repository that an instance id begins with."""
    return instance_id.rsplit(".", 1)[0]


def _instances(path: Path) -> list[Instance]:
    try:
        if path.suffix == ".jsonl":
            found = [msgspec.json.decode(line, type=Instance) for _, line in files.numbered_lines(path)]
        else:
            found = msgspec.json.decode(files.read_text(path), type=list[Instance])
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}: no dataset of assemble_dataset: {error}") from None
    for instance in found:
        records.check_instance_id(instance.instance_id, f"{path}: key 'instance_id'")
    return found


def _groups(instances: Iterable[Instance]) -> dict[str, str]:
    """Return the group of each instance: the smallest id in it."""
    parents: dict[str, str] = {}

    def _top(name: str) -> str:
        while parents[name] != name:
            name = parents[name] = parents[parents[name]]
        return name

    places: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for instance in instances:
        parents[instance.instance_id] = instance.instance_id
        for name, start, end in touched(instance.patch):
            places.setdefault((instance.repo, name), []).append((start, end, instance.instance_id))
    for spans in places.values():
        spans.sort()
        reach, last = spans[0][1], spans[0][2]
        for start, end, name in spans:
            if start <= reach:
                one, other = sorted((_top(last), _top(name)))
                parents[other] = one
            reach, last = max(reach, end), name
    return {name: _top(name) for name in parents}


def touched(patch: str) -> Iterator[tuple[str, int, int]]:
    """Yield (file, first line, last line) of each hunk's old side, context lines left out."""
    name, line = "", 0
    for text in patch.split("\n"):
        if text.startswith("--- "):
            name = patches.path_of(text[4:]) or ""
        elif text.startswith("@@ "):
            line = int(text.split("-", 1)[1].split(" ", 1)[0].split(",")[0])
        elif text.startswith("-"):
            yield name, line, line
            line += 1
        elif text.startswith("+") and not text.startswith("+++ "):
            yield name, max(line - 1, 0), line
        elif text.startswith(" "):
            line += 1
