"""Grade one prediction: what it resolves, and the per-instance report that says so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tracesmith import integrity, suites
from tracesmith.evaluation import controls, trees
from tracesmith.evaluation.controls import Controls
from tracesmith.evaluation.trees import Tree
from tracesmith.integrity import FAILS_CONTROL, Examined
from tracesmith.perturbations import PLAIN, Perturbation
from tracesmith.prepared import TestSettings
from tracesmith.records import Instance, Prediction
from tracesmith.references import Health, Reference
from tracesmith.runners.base import SEPARATOR
from tracesmith.sandboxes.base import Backend
from tracesmith.suites import SuiteRun
from tracesmith.workspaces import PatchDoesNotApplyError

RESOLVED = "resolved"
MOST_NAMED = 3
NEXT = re.compile(r"\n\s*(?:it|test|describe)\b")
NOTHING = Examined([], {}, [])


@dataclass(frozen=True)
class Grade:
    """How a prediction did, and the suite's run that says so if there was one."""

    outcome: str
    """resolved, empty_patch, patch_does_not_apply, timed_out, or why it is unresolved: docs/integrity.md lists them."""
    suite: SuiteRun | None = None
    detail: str = field(default="")
    examined: Examined = NOTHING
    flags: list[str] = field(default_factory=list)
    """Flags of what it did, beside those of its text."""


@dataclass(frozen=True)
class Grader:
    """What every prediction is graded by."""

    backend: Backend
    settings: TestSettings
    source: Path
    """The pristine tree."""
    timeout_s: float
    reference: Reference
    health: Health
    controls: Controls
    second_opinion: bool = True
    """Whether a resolved prediction is run again, in another sandbox, with what runs of the reference differ in."""

    def grade(self, instance: Instance, prediction: Prediction) -> Grade:
        """
        Run the pristine suite on the tree that the prediction's patch makes, as far as a fix may make it.

        Raises InfrastructureError when a sandbox fails or the environment is broken.
        """
        patch = prediction["model_patch"] or ""
        if not patch.strip():
            return Grade("empty_patch")
        texts = list(failing_tests(instance, self.source))
        examined = integrity.examine(patch, self.settings, instance["patch"], texts)
        if not examined.kept and not examined.left_out:
            return Grade("patch_does_not_apply", detail="it has no part of a unified diff")
        try:
            with trees.build(self.source, instance, examined.kept) as tree:
                found = Grade("nothing_left") if tree.is_the_bug else self._judge(instance, tree, examined)
        except PatchDoesNotApplyError as error:
            found = Grade("patch_does_not_apply", detail=str(error))
        return replace(found, examined=examined)

    def _judge(self, instance: Instance, tree: Tree, examined: Examined) -> Grade:
        suite = suites.sure(lambda: self._run(tree))
        self.health.confirm(suite)
        outcome = self._outcome(suite, {*instance["FAIL_TO_PASS"], *instance["PASS_TO_PASS"]})
        if outcome != RESOLVED:
            return Grade(outcome, suite)
        if examined.voids:
            return Grade("not_trusted", suite, f"its tests pass, and prove nothing: {', '.join(examined.voids)}")
        return self._again(instance, tree, suite) if self.second_opinion else Grade(RESOLVED, suite)

    def _again(self, instance: Instance, tree: Tree, first: SuiteRun) -> Grade:
        """Ask for a second opinion; tests that flicker in the pristine tree have no say in it."""
        found = self.controls.of({suites.test_file(test) for test in instance["FAIL_TO_PASS"]})
        controlled = tree.plus({path: control.text for path, control in found.items()})
        suite = suites.sure(lambda: self._run(controlled, self.controls.changes))
        if suite.outcome == "ran" and not all(controls.hold(control, suite) for control in found.values()):
            return Grade(
                "not_trusted", first, "a test that has to fail does not with this patch", flags=[FAILS_CONTROL]
            )
        wanted = {*instance["FAIL_TO_PASS"], *instance["PASS_TO_PASS"]} - set(self.reference.flaky)
        outcome = self._outcome(suite, wanted, clean=not found)
        if outcome == RESOLVED:
            return Grade(RESOLVED, first)
        named = ", ".join(sorted(wanted - suite.passed())[:MOST_NAMED])
        return Grade("not_repeated", suite, f"resolved in the first run, {outcome} in the second: {named}".rstrip(": "))

    def _run(self, tree: Tree, changes: Perturbation = PLAIN) -> SuiteRun:
        with self.backend.open() as box:
            tree.put(box)
            return suites.run(box, self.settings, self.timeout_s, changes)

    def _outcome(self, suite: SuiteRun, wanted: set[str], *, clean: bool = True) -> str:
        """`clean` asks for a run that its runner calls a success, which none with controls is."""
        if suite.outcome != "ran":
            return suite.outcome
        if not wanted <= suite.passed():
            return "unresolved"
        # All pass, and still the runner calls the run a failure: errors outside of tests, or a report that is not its.
        return RESOLVED if suite.clean_exit or not clean or self.reference.excuses(suite) else "errors_outside_tests"


def failing_tests(instance: Instance, source: Path) -> Iterator[str]:
    """Yield what can be found of the texts of an instance's F2P tests: from the title to the next test."""
    for test in instance["FAIL_TO_PASS"]:
        name, *titles = test.split(SEPARATOR)
        path = source / name
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        title = titles[-1].strip() if titles else ""
        if title and title in text:
            yield NEXT.split(text[text.index(title) + len(title) :], 1)[0]


def report(instance: Instance, prediction: Prediction, found: Grade, timeout_s: float) -> dict[str, Any]:
    """Return the per-instance report.json; `tests_status` is there when the suite ran."""
    ours: dict[str, Any] = {"outcome": found.outcome, **({"detail": found.detail} if found.detail else {})}
    ours |= {"flags": sorted({*found.examined.flags, *found.flags}), "left_out": found.examined.left_out}
    if found.outcome == "timed_out":
        return {"timed_out": True, "timeout": timeout_s, "tracesmith": ours}
    value: dict[str, Any] = {
        "patch_exists": bool((prediction["model_patch"] or "").strip()),
        "resolved": found.outcome == RESOLVED,
    }
    if found.suite and found.suite.outcome == "ran":
        value["tests_status"] = _tests_status(instance, found.suite)
    return {**value, "model_name_or_path": prediction["model_name_or_path"], "tracesmith": ours}


def _tests_status(instance: Instance, suite: SuiteRun) -> dict[str, dict[str, list[str]]]:
    passed = suite.passed()
    status = {
        key: {
            "success": [test for test in instance[key] if test in passed],
            "failure": [test for test in instance[key] if test not in passed],
        }
        for key in ("FAIL_TO_PASS", "PASS_TO_PASS")
    }
    nothing: dict[str, list[str]] = {"success": [], "failure": []}
    return {**status, "FAIL_TO_FAIL": nothing, "PASS_TO_FAIL": nothing}
