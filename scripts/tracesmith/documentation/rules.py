"""The reference of the rules: what each does, reads, writes and asks for, as it stands in the workflow's files."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tracesmith.documentation import markdown

RULE = re.compile(r'(?m)^(?:rule|checkpoint) (\w+):\n    """((?s:.*?))"""\n((?:    .*\n|\n)*)')
PART = re.compile(r"(?m)^    (\w+):(.*\n(?:        .*\n|\n)*)")
TEXT = re.compile(r'"([^"\n]+)"')
PLUMBING = {"script", "library"}
"""Inputs of every rule: its script, and the modules that it imports."""
INTRODUCTION = """\
A rule that asks for `docker` opens sandboxes: it keeps what it made in a store beside its output, an entry an
instance, and makes only what is missing. The cheap ones run again when their script changes. An input in italics is
found by a function of `rules/common*.smk`. Settings are those of [the configuration](configuration.md); the script of
a rule has [its name](scripts.md). Log and times of a job stand in `logs/rules/<rule>/` and `benchmarks-out/<rule>/`.
"""


@dataclass(frozen=True)
class Rule:
    """One rule as it stands in its file."""

    name: str
    doc: str
    parts: dict[str, list[tuple[str, str]]]
    """The named items of each directive, as text."""


def page(files: Iterable[Path]) -> str:
    """Return the page of the rules of some files, in their order; a file's docstring goes before its rules."""
    parts = [INTRODUCTION]
    for path in files:
        text = path.read_text()
        found = list(read(text))
        if found:
            parts += [f"## {path.name}\n", f"{text.split(chr(34) * 3)[1].strip().split(chr(10) * 2)[0]}\n"]
            parts += [part for rule in found for part in _section(rule)]
    return markdown.page("Rules", "`rules/*.smk`", parts)


def included(snakefile: str) -> list[str]:
    """Return the files that a Snakefile includes, in its order, which is that of the steps."""
    return re.findall(r'(?m)^ *include: "(.+)"$', snakefile)


def read(text: str) -> Iterator[Rule]:
    """Yield the rules of a file that have a docstring; `use rule` repeats one and has none."""
    for match in RULE.finditer(text):
        parts = {part[1]: list(_items(part[2])) for part in PART.finditer(match[3])}
        yield Rule(match[1], " ".join(match[2].split()), parts)


def _items(text: str) -> Iterator[tuple[str, str]]:
    """Yield the items of a directive with their values; one without a name has an empty one."""
    for item in re.split(r"(?m)^        (?=[\w\"])|(?<=^) (?=\S)", text):
        flat = " ".join(item.split()).rstrip(",")
        name, equals, value = flat.partition("=")
        if equals and name.isidentifier():
            yield name, value
        elif flat:
            yield "", flat


def _section(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}\n"
    yield f"{rule.doc}\n"
    inputs = [_file(name, value) for name, value in rule.parts.get("input", []) if name not in PLUMBING]
    outputs = [_file(name, value) for name, value in rule.parts.get("output", [])]
    asked = [_quantity(name, value) for name, value in rule.parts.get("resources", [])]
    threads = [_quantity("threads", value) for _, value in rule.parts.get("threads", [])]
    settings = sorted({found for _, value in rule.parts.get("params", []) for found in _settings(value)})
    facts = {
        "reads": inputs,
        "writes": outputs,
        "asks for": [*threads, *asked],
        "settings": [markdown.code(name) for name in settings],
    }
    yield "".join(f"- {name}: {', '.join(found)}\n" for name, found in facts.items() if found)


def _file(name: str, value: str) -> str:
    texts = TEXT.findall(value)
    plain = value.startswith(('"', "touch(", "update(", "directory(")) and len(texts) == 1
    return markdown.code(texts[0]) if plain else f"*{name or value}*"


def _quantity(name: str, value: str) -> str:
    """Return what a job takes of a resource: a number, or that it depends."""
    if value.isdecimal():
        return f"{name} {value}"
    named = _settings(value)
    return f"{name} as {', '.join(markdown.code(item) for item in named)}" if named else f"{name} as it needs"


def _settings(value: str) -> list[str]:
    """Return the keys of the configuration that an expression names."""
    return [f"{section}.{key}" for section, key in re.findall(r'(?:repo|run)_setting\("(\w+)", "(\w+)"\)', value)]
