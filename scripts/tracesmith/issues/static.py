"""
Write an issue text from a template, without a model.

A template says what a user would see: the package, how many checks fail and the first failure's words. Neither a file
nor a test is named. The seed draws the order in which the templates are tried.
"""

import random
from collections.abc import Iterator

from tracesmith import files
from tracesmith.issues import verdicts
from tracesmith.issues.verdicts import Issue
from tracesmith.records import Instance
from tracesmith.sandboxes.base import TESTBED

TEMPLATES = (
    "{package} does not behave as documented any more\n\n"
    "Since the last change some results are wrong: {checks} of ours went red.{seen}\n\n"
    "Expected: the same results as before.",
    "Wrong results from {package}\n\n"
    "I upgraded, and {checks} of my project broke.{seen}\n\nMy own code has not changed, so the cause must "
    "be in this repository. Please find out what is wrong and correct it.",
    "Regression in {package}\n\n"
    "Steps: call the public functions as before and compare with what the documentation promises.\n"
    "Actual: {checks} give another result.{seen}\n\n"
    "Expected: none does.",
    "Something broke in {package}\n\n"
    "What used to work does not: by my count {checks} gave the right answer before and give a wrong one now.{seen}\n\n"
    "It must be a small mistake in the logic, since everything else still works.",
)
LONGEST_WORDS = 400
"""Most characters of a failure's words."""


def write(instance: Instance, seed: int) -> Issue:
    """Return the first text that passes the checks, with the failure's words or else without; else the first of all."""
    found = [verdicts.judged(text, instance, "static") for text in _texts(instance, seed)]
    return next((issue for issue in found if issue.reason is None), found[0])


def _texts(instance: Instance, seed: int) -> Iterator[str]:
    order = list(TEMPLATES)
    random.Random(files.digest([seed, instance["instance_id"]])).shuffle(order)  # noqa: S311 - an order, no secret
    package = instance["repo"].rsplit("/", 1)[-1].split("__", 1)[-1].split(".", 1)[0]
    count = len(instance["FAIL_TO_PASS"])
    checks = "1 check" if count == 1 else f"{count} checks"
    for seen in dict.fromkeys([_seen(instance), ""]):
        for template in order:
            yield template.format(package=package, checks=checks, seen=seen)


def _seen(instance: Instance) -> str:
    """Return the sentence with the words of the first failure that names no path of the sandbox."""
    failures = instance.get("tracesmith", {}).get("failures") or []
    texts = (text.strip() for text in failures if isinstance(text, str) and TESTBED not in text)
    words = next((text for text in texts if text), None)
    return f" One of them says:\n\n    {words[:LONGEST_WORDS]}" if words else ""
