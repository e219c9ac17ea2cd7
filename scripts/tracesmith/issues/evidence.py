"""What a model is told about an instance: the instance, its failing output, the failing tests and demonstrations."""

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import files, suites
from tracesmith.errors import InputError
from tracesmith.issues.failing_tests import SourceOfTests
from tracesmith.records import Instance

VARIABLES = ("test_output", "test_funcs", "test_imports", "demo_problem_statements")
"""What a template may use besides the fields of an instance."""
CHARACTERS_PER_TOKEN = 4
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
OUTPUT = "test_output.txt"


@dataclass(frozen=True)
class Evidence:
    """Where it comes from."""

    validation: Path
    """Folder of validate_bugs for the repository."""
    tree: Path
    """The pristine tree."""
    demonstrations: Sequence[str]
    max_tokens: int
    """A longer text is cut in its middle."""
    _parsed: dict[str, SourceOfTests | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def variables(self, instance: Instance) -> dict[str, Any]:
        """Return the variables of an instance's prompt. Raises InputError when its output is not there."""
        tests = self._sources(instance)
        paths = dict.fromkeys(suites.test_file(test) for test in instance["FAIL_TO_PASS"])
        return {
            **instance,
            "test_output": self.shorten(self._output(instance)),
            "test_funcs": [self.shorten(text) for text in dict.fromkeys(text for text in tests if text is not None)],
            "test_imports": [
                self.shorten(f"// {path}\n{file.imports()}") for path in paths if (file := self._file(path))
            ],
            "demo_problem_statements": [self.shorten(text) for text in self.demonstrations],
        }

    def missing(self, instance: Instance) -> int:
        """Return how many of the failing tests have no source that could be found."""
        return self._sources(instance).count(None)

    def shorten(self, text: str) -> str:
        """Return a text that is not longer than the limit: the middle gives way to a mark."""
        most = self.max_tokens * CHARACTERS_PER_TOKEN
        if len(text) <= most:
            return text
        head, tail = text[: most // 2], text[len(text) - most // 2 :]
        return f"{head}\n\n[... {len(text) - len(head) - len(tail)} characters are left out here ...]\n\n{tail}"

    def _sources(self, instance: Instance) -> list[str | None]:
        found = ((self._file(suites.test_file(test)), test) for test in instance["FAIL_TO_PASS"])
        return [file.source(test) if file else None for file, test in found]

    def _file(self, path: str) -> SourceOfTests | None:
        """Return a test file of the pristine tree, read once; None when it has none of that path."""
        with self._lock:
            if path not in self._parsed:
                place = (self.tree / path).resolve()
                is_there = place.is_file() and place.is_relative_to(self.tree.resolve())
                self._parsed[path] = SourceOfTests(path, place.read_bytes()) if is_there else None
            return self._parsed[path]

    def _output(self, instance: Instance) -> str:
        path = self.validation / instance["instance_id"] / OUTPUT
        try:
            return ESCAPES.sub("", files.read_packed(path).decode("utf-8", "replace"))
        except FileNotFoundError:
            raise InputError(
                f"{path}: no such file; --validation is the folder in which validate_bugs keeps its runs"
            ) from None


def known_variables(instances: Iterable[Instance]) -> set[str]:
    """Return what a template may use: the fields that all instances have, and what is found out about them."""
    return set.intersection(*(set(instance) for instance in instances)) | set(VARIABLES)
