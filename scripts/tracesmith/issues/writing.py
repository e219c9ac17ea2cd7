"""
Write the issue text of each instance without a model.

`static` fills one of several templates with what a user would see: the package, the number of checks that fail and the
first assertion's words. Neither a file nor a test is named. `skip` writes none, and the dataset says so.
"""

from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.records import Instance
from tracesmith.sandboxes.base import TESTBED

FORMAT_VERSION = 1
MODES = ("static", "skip")
TEMPLATES = (
    "{package} does not behave as documented any more\n\n"
    "Since the last change some results are wrong: {count} of our checks fail.{seen}\n\n"
    "Expected: the same results as before.",
    "Wrong results from {package}\n\n"
    "I upgraded and {count} checks of my project broke.{seen}\n\nMy own code has not changed, so the cause must "
    "be in this repository. Please find out what is wrong and correct it.",
    "Regression in {package}\n\n"
    "Steps: call the public functions as before and compare with what the documentation promises.\n"
    "Actual: {count} comparisons differ.{seen}\n\n"
    "Expected: none differs.",
    "Something broke in {package}\n\n"
    "What used to work does not: {count} cases are wrong now.{seen}\n\nIt must be a small mistake in the logic, since "
    "everything else still works.",
)


def write(instances: Path, mode: str, seed: int, output: Path) -> None:
    """Write `logs/issue_gen/<repo>__<mode>.json`: {instance_id, problem_statement} for each instance, in order."""
    found = records.read_instances(instances)
    rows = [{"instance_id": row["instance_id"], "problem_statement": _text(row, mode, seed)} for row in found]
    made_by = summaries.made_by("write_issues", FORMAT_VERSION, {"instances": instances}, {"mode": mode, "seed": seed})
    files.write_json(output, {"made_by": made_by, "mode": mode, "issues": rows})


def _text(instance: Instance, mode: str, seed: int) -> str:
    if mode == "skip":
        return ""
    choice = int(files.digest([seed, instance["instance_id"]]), 16) % len(TEMPLATES)
    ours: dict[str, Any] = instance.get("tracesmith", {})
    failures = ours.get("failures") or []
    shown = next((text for text in failures if isinstance(text, str) and TESTBED not in text), None)
    seen = f" One of them says:\n\n    {shown}" if shown else ""
    package = instance["repo"].rsplit("/", 1)[-1].split("__", 1)[-1].split(".", 1)[0]
    return TEMPLATES[choice].format(package=package, count=len(instance["FAIL_TO_PASS"]), seen=seen)
