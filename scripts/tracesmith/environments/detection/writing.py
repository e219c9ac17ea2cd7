"""Write a plan as YAML: for each key a comment that says what was found and why."""

import textwrap
from typing import Any

import yaml

from tracesmith.environments.detection.plans import Plan

ORDER = [
    "name",
    "source",
    "node",
    "package_manager",
    "remove",
    "package_json",
    "files",
    "install",
    "build",
    "environment",
    "sandbox",
    "dockerfile",
    "test",
    "source_globs",
    "exclude_globs",
]
TEST_ORDER = ["runner", "command", "folder", "globs", "protected_globs"]
WIDTH = 118


class _Dumper(yaml.SafeDumper):
    """Texts of several lines are written as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def to_yaml(plan: Plan, head: list[str]) -> str:
    """Return the YAML of a plan, with lines of comment at its head."""
    lines = [line for text in head for line in _comment(text, "")]
    for key in [key for key in ORDER if key in plan.values]:
        if key != "test":
            lines += [*_comment(_reason(plan, key), ""), *_dump({key: plan.values[key]}, "")]
            continue
        lines.append("test:")
        for name in [name for name in TEST_ORDER if name in plan.values["test"]]:
            lines += [*_comment(_reason(plan, f"test.{name}"), "  "), *_dump({name: plan.values["test"][name]}, "  ")]
    return "\n".join(lines) + "\n"


def _reason(plan: Plan, key: str) -> str:
    parts = [reason for name, reason in plan.reasons.items() if (name == key or name.startswith(f"{key}.")) and reason]
    return "; ".join(dict.fromkeys(parts))


def _comment(text: str, indent: str) -> list[str]:
    plain = " ".join(text.split())
    return textwrap.wrap(
        plain,
        WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _dump(value: dict[str, Any], indent: str) -> list[str]:
    text = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return [f"{indent}{line}" if line else "" for line in text.splitlines()]
