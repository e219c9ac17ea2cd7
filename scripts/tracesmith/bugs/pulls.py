"""Read pull requests: a JSON list or JSONL of {number, title, body, diff, base_commit}, with GitHub's names as well."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, patches
from tracesmith.errors import InputError
from tracesmith.patches import FilePatch


@dataclass(frozen=True)
class Pull:
    """One pull request."""

    number: int
    title: str
    body: str
    files: list[FilePatch]
    """What its diff changes in texts."""
    base_commit: str | None

    @property
    def strategy(self) -> str:
        """The strategy of the candidate that undoes it."""
        return f"pr_{self.number}"

    def reference(self, repo: str) -> dict[str, Any]:
        """Return what SWE-smith keeps of it in the key `instance_ref`."""
        return {
            "instance_id": f"{repo}-{self.number}",
            "repo": repo,
            "pull_number": self.number,
            "base_commit": self.base_commit,
            "title": self.title,
            "problem_statement": f"{self.title}\n\n{self.body}".strip(),
        }


def read(path: Path) -> list[Pull]:
    """Return the pull requests of a file, in its order. Raises InputError naming the record and the key."""
    found = [_pull(value, position, where) for position, (where, value) in enumerate(_records(path), start=1)]
    if not found:
        raise InputError(f"{path}: there is no pull request in it")
    return found


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".jsonl":
        yield from ((f"{path} line {number}", value) for number, value in files.read_jsonl(path))
        return
    values = files.read_json(path)
    if not isinstance(values, list):
        raise InputError(f"{path}: a list of pull requests is wanted, or JSONL in a file named .jsonl")
    yield from ((f"{path} record {position}", value) for position, value in enumerate(values, start=1))


def _pull(value: Any, position: int, where: str) -> Pull:
    if not isinstance(value, dict):
        raise InputError(f"{where}: an object is wanted")
    number, number_key = _first_of(value, ("number", "pull_number"), position)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError(f"{where}: key {number_key!r}: a whole number above 0 is wanted, this is {number!r:.50}")
    title = _text(value.get("title"), f"{where}: key 'title'")
    body = "" if value.get("body") is None else _text(value["body"], f"{where}: key 'body'")
    diff, diff_key = _first_of(value, ("diff", "patch"))
    changed = _files(_text(diff, f"{where}: key {diff_key!r}"), f"{where}: key {diff_key!r}")
    base_commit = value.get("base_commit")
    if base_commit is not None:
        base_commit = _text(base_commit, f"{where}: key 'base_commit'")
    return Pull(number, title.strip(), body.replace("\r\n", "\n").strip(), changed, base_commit)


def _first_of(value: dict[str, Any], keys: tuple[str, str], default: Any = None) -> tuple[Any, str]:
    """Return the value of the first key that is there, and the key."""
    key = next((key for key in keys if value.get(key) is not None), None)
    return (default, keys[0]) if key is None else (value[key], key)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{where}: a text is wanted, this is {'null or missing' if value is None else 'none'}")
    return value


def _files(diff: str, where: str) -> list[FilePatch]:
    """Return the files of a diff; one that changes no text, but binary files, modes or names, has none."""
    of_git = re.search(r"^diff --git ", diff, re.MULTILINE)
    if not diff.strip() or (of_git and not re.search(r"^@@ ", diff, re.MULTILINE)):
        return []
    return [file for file in patches.parse(diff, where) if file.hunks]
