"""The files of a stranger's tree as data: nothing of it is run, and what cannot be read counts as not there."""

import json
import os
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

SKIPPED = {"node_modules", ".git", ".yarn"}
BIGGEST = 2**21
SCRIPT = re.compile(r"\.[cm]?[jt]sx?$")
TYPESCRIPT = re.compile(r"(?<!\.d)\.[cm]?tsx?$")
DECLARATIONS = re.compile(r"\.d\.[cm]?ts$")
# Strings are kept, comments and commas before a closing bracket go.
COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
LAST_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')


class Tree:
    """A folder whose files are looked at by their POSIX paths; what is hidden counts as not there."""

    def __init__(self, root: Path, hidden: Iterable[str] = ()) -> None:
        self.root = root
        self._hidden = tuple(hidden)
        self._texts: dict[str, str] = {}

    @cached_property
    def paths(self) -> list[str]:
        """The paths of all files, sorted, without installed packages."""
        found = []
        for parent, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in SKIPPED]
            found += [Path(parent, name).relative_to(self.root).as_posix() for name in names]
        below = tuple(f"{one}/" for one in self._hidden)
        return sorted(path for path in found if path not in self._hidden and not path.startswith(below))

    @cached_property
    def known(self) -> frozenset[str]:
        """The paths as a set."""
        return frozenset(self.paths)

    def below(self, folder: str) -> list[str]:
        """Return the paths of the files below a folder."""
        return self.paths if folder == "." else [path for path in self.paths if path.startswith(f"{folder}/")]

    def text(self, path: str) -> str:
        """Return the text of a file, empty when there is none that can be read."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def json(self, path: str) -> dict[str, Any]:
        """Return the object of a JSON file, comments allowed; empty when there is none."""
        return parse_jsonc(self.text(path))

    def yaml(self, path: str) -> dict[str, Any]:
        """Return the object of a YAML file, empty when there is none."""
        try:
            value = yaml.safe_load(self.text(path))
        except (yaml.YAMLError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def package(self, folder: str) -> dict[str, Any]:
        """Return the package.json of a folder."""
        return self.json(inside(folder, "package.json"))

    def _read(self, path: str) -> str:
        place = self.root / path
        if place.is_symlink() or not place.is_file() or place.stat().st_size > BIGGEST:
            return ""
        return place.read_text(encoding="utf-8", errors="replace")


def inside(folder: str, path: str) -> str:
    """Return a path that is given relative to a folder, relative to the root; "." and ".." are worked out."""
    parts: list[str] = []
    for part in PurePosixPath(folder, path).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


def parse_jsonc(text: str) -> dict[str, Any]:
    """Return the object of a JSON text with comments and last commas; empty when it is none."""
    plain = LAST_COMMA.sub(lambda match: match[1] or "", COMMENTS.sub(lambda match: match[1] or "", text))
    try:
        value = json.loads(plain.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def table(value: dict[str, Any], key: str) -> dict[str, Any]:
    """Return a value of an object that should be an object itself; empty when it is none."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def dependencies(package: dict[str, Any], *kinds: str) -> dict[str, str]:
    """Return the dependencies of a package.json, of all kinds or of some."""
    wanted = kinds or ("peerDependencies", "optionalDependencies", "devDependencies", "dependencies")
    return {name: str(version) for kind in wanted for name, version in table(package, kind).items()}
