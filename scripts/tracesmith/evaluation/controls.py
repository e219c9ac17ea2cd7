"""
Controls: tests that have to fail, added to the test files in the second run of a resolved prediction.

They use the file's own assertions on values that are plainly wrong. Where the code under test has silenced assertions,
forges the report or ends the run in its own way, a control does not fail, whatever way it was done. A control counts
only in files where the pristine tree has shown that it fails there and changes no other test.
"""

import re
import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracesmith import perturbations, suites, workspaces
from tracesmith.errors import InfrastructureError
from tracesmith.perturbations import PLAIN, Perturbation
from tracesmith.prepared import TestSettings
from tracesmith.references import Reference
from tracesmith.runners.base import SEPARATOR
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Backend
from tracesmith.suites import SuiteRun

TEST = re.compile(r"(?<![.\w])(it|test)\s*\(")
ASSERT = re.compile(
    r"(?:import\s+(?:\*\s+as\s+)?|const\s+)(\w+)\s*(?:from|=\s*require\()\s*[\"'](?:node:)?assert(?:/strict)?[\"']"
)
EXPECT = {
    "toBe": "expect(1).toBe(2)",
    "toEqual": "expect({ a: 1 }).toEqual({ a: 2 })",
    "toStrictEqual": "expect({ a: 1 }).toStrictEqual({ a: 2 })",
    "toMatchObject": "expect({ a: 1 }).toMatchObject({ a: 2 })",
    "toContain": "expect([1]).toContain(2)",
    "toHaveLength": "expect([1]).toHaveLength(2)",
    "toMatch": 'expect("a").toMatch("b")',
    "toThrow": "expect(() => 1).toThrow()",
    "toBeTruthy": "expect(false).toBeTruthy()",
    "toBeFalsy": "expect(true).toBeFalsy()",
    "toBeNull": "expect(1).toBeNull()",
    "toBeUndefined": "expect(1).toBeUndefined()",
    "toBeDefined": "expect(undefined).toBeDefined()",
    "to.equal": "expect(1).to.equal(2)",
    "to.eql": "expect({ a: 1 }).to.eql({ a: 2 })",
    "to.deep.equal": "expect({ a: 1 }).to.deep.equal({ a: 2 })",
    "to.be.true": "expect(false).to.be.true",
    "to.be.false": "expect(true).to.be.false",
}
"""False assertions by what is called on the value that `expect` returns."""
NODE = {
    "equal": "(1, 2)",
    "strictEqual": "(1, 2)",
    "deepEqual": "({ a: 1 }, { a: 2 })",
    "deepStrictEqual": "({ a: 1 }, { a: 2 })",
    "ok": "(false)",
    "throws": "(() => 1)",
}
AVA = {"is": "(1, 2)", "deepEqual": "({ a: 1 }, { a: 2 })", "true": "(false)", "false": "(true)", "throws": "(() => 1)"}


@dataclass(frozen=True)
class Control:
    """The controls of one test file."""

    text: bytes
    """The file with them."""
    tests: Sequence[str]
    """Their ids."""


def statements(text: str, runner: str) -> list[tuple[str, str]]:
    """Return (parameters, false assertion) for each kind of assertion that a test file makes."""
    if runner == "ava":
        return [("t", f"t.{name}{values}") for name, values in AVA.items() if f"t.{name}(" in text]
    found = [("", line) for call, line in EXPECT.items() if re.search(rf"\.{re.escape(call)}\b", text)]
    module = ASSERT.search(text)
    if module:
        found += [
            ("", f"{module[1]}.{name}{values}") for name, values in NODE.items() if f"{module[1]}.{name}(" in text
        ]
    return found


def make(path: str, text: str, runner: str, nonce: str) -> Control | None:
    """Return the controls of a test file; None where nothing is known that could be false in it."""
    test, lines = TEST.search(text), statements(text, runner)
    if not test or not lines:
        return None
    titles = [f"{nonce}{number}" for number in range(len(lines))]
    added = [
        f'{test[1]}("{title}", ({given}) => {{ {line}; }});' for title, (given, line) in zip(titles, lines, strict=True)
    ]
    whole = "\n".join([text, *added, ""])
    return Control(whole.encode("utf-8", "surrogateescape"), [f"{path}{SEPARATOR}{title}" for title in titles])


class Controls:
    """The controls that the pristine tree has confirmed, found by one run of its suite when first asked for."""

    def __init__(
        self, backend: Backend, settings: TestSettings, source: Path, timeout_s: float, reference: Reference
    ) -> None:
        self.backend = backend
        self.settings = settings
        self.source = source
        self.timeout_s = timeout_s
        self.reference = reference
        # With one reference run nobody knows which tests bear a change.
        self.changes: Perturbation = perturbations.of_run(2) if len(reference.runs) > 1 else PLAIN
        self._lock = threading.Lock()
        self._found: dict[str, Control] | None = None

    def of(self, files: Iterable[str]) -> dict[str, Control]:
        """Return the controls of some test files, where there are any."""
        with self._lock:
            if self._found is None:
                self._found = self._confirm(self._make())
        return {path: self._found[path] for path in files if path in self._found}

    def _make(self) -> dict[str, Control]:
        nonce, found = f"x{secrets.token_hex(8)}n", {}
        for path in workspaces.test_files(self.source, self.settings):
            if not (self.source / path).is_symlink():
                text = (self.source / path).read_bytes().decode("utf-8", "surrogateescape")
                found[path] = make(path, text, self.settings.runner, nonce)
        return {path: control for path, control in found.items() if control}

    def _confirm(self, made: Mapping[str, Control]) -> dict[str, Control]:
        """Return the controls that fail in the pristine tree and change nothing there."""
        if not made:
            return {}

        def _once() -> SuiteRun:
            with self.backend.open() as box:
                for path, control in made.items():
                    base.write_file(box, path, control.text)
                return suites.run(box, self.settings, self.timeout_s, self.changes)

        suite = suites.sure(_once)
        if suite.outcome not in suites.SURE:
            raise InfrastructureError(
                f"the pristine tests with the controls ended twice without a report: {suite.outcome}"
            )
        lost = {suites.test_file(test) for test in self.reference.stable.passed() - suite.passed()}
        return {path: found for path, found in made.items() if path not in lost and hold(found, suite)}


def hold(control: Control, suite: SuiteRun) -> bool:
    """Tell whether every control failed in a run."""
    return all(suite.tests.get(test) == "failed" for test in control.tests)
