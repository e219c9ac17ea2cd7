"""Grade one prediction: what it resolves, and the per-instance report that says so."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import suites, workspaces
from tracesmith.prepared import TestSettings
from tracesmith.records import Instance, Prediction
from tracesmith.references import Health, Reference
from tracesmith.sandboxes.base import Backend
from tracesmith.suites import SuiteRun

RESOLVED = "resolved"


@dataclass(frozen=True)
class Grade:
    """How a prediction did, and the suite's run if there was one."""

    outcome: str
    """resolved, unresolved, errors_outside_tests, empty_patch, patch_does_not_apply, timed_out, or why no report."""
    suite: SuiteRun | None = None
    detail: str = field(default="")


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

    def grade(self, instance: Instance, prediction: Prediction) -> Grade:
        """
        Apply the prediction's patch to the agent's workspace, put the pristine tests back, run the suite.

        Raises InfrastructureError when a sandbox fails or the environment is broken.
        """
        patch = prediction["model_patch"] or ""
        if not patch.strip():
            return Grade("empty_patch")
        hidden = workspaces.hidden_tests(instance, workspaces.test_files(self.source, self.settings))
        with self.backend.open() as box:
            workspaces.prepare(box, instance, hidden)
            try:
                workspaces.apply_patch(box, patch)
            except workspaces.PatchDoesNotApplyError as error:
                return Grade("patch_does_not_apply", detail=str(error))
            workspaces.restore(box, self.source, self.settings)
            suite = suites.run(box, self.settings, self.timeout_s)
        self.health.confirm(suite)
        return Grade(self._outcome(instance, suite), suite)

    def _outcome(self, instance: Instance, suite: SuiteRun) -> str:
        if suite.outcome != "ran":
            return suite.outcome
        if not {*instance["FAIL_TO_PASS"], *instance["PASS_TO_PASS"]} <= suite.passed():
            return "unresolved"
        # All pass, and still the runner calls the run a failure: errors outside of tests, or a report that is not its.
        return RESOLVED if suite.clean_exit or self.reference.excuses(suite) else "errors_outside_tests"


def report(instance: Instance, prediction: Prediction, found: Grade, timeout_s: float) -> dict[str, Any]:
    """Return the per-instance report.json; `tests_status` is there when the suite ran."""
    ours = {"outcome": found.outcome, **({"detail": found.detail} if found.detail else {})}
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
