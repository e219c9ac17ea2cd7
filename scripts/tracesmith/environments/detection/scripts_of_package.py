"""The test scripts of a package.json: which program they run, with which arguments and variables."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tracesmith.environments.detection.reading import table

STEP = re.compile(r"&&|\|\||;|(?<![|&])&(?!&)|\|")
VARIABLE = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)")
PROGRAM = re.compile(r"(?:.*/)?(vitest|jest|mocha|ava|tsx|ts-node|node)(?:\.[cm]?js)?")
CALL = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:-s\s+|--silent\s+)?([\w:.-]+)")
NODE_OPTIONS = re.compile(
    r"--(?:max[-_]old[-_]space[-_]size|experimental[-\w]*|no-experimental[-\w]*|no-warnings|conditions|import|require|loader"
    r"|stack[-_]size|expose[-_]gc|enable-source-maps|harmony[-\w]*)\b"
)
WITH_VALUE = {"--conditions", "-C", "--import", "--require", "-r", "--loader", "--experimental-loader"}


@dataclass
class Call:
    """How a script calls a runner."""

    script: str
    runner: str
    arguments: list[str] = field(default_factory=list)
    node_arguments: list[str] = field(default_factory=list)
    """Of node itself, before the runner."""
    environment: dict[str, str] = field(default_factory=dict)
    is_reached: bool = False
    """Whether the script `test` leads there."""


def calls(package: dict[str, Any]) -> Iterator[Call]:
    """Yield the calls of known runners, those that `test` reaches first."""
    scripts = {name: str(text) for name, text in table(package, "scripts").items()}
    reached = _reached(scripts)
    for name in _order(scripts, reached):
        for step in STEP.split(scripts[name]):
            found = _call(name, step)
            if found:
                found.is_reached = name in reached
                yield found


def _reached(scripts: dict[str, str]) -> list[str]:
    """Return the names of `test` and of the scripts that it calls."""
    found: list[str] = []
    waiting = [name for name in ("test",) if name in scripts]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found.append(name)
            waiting += [other for other in CALL.findall(scripts[name]) if other in scripts]
    return found


def _order(scripts: dict[str, str], found: list[str]) -> list[str]:
    """Return the names of the scripts that test: those that are reached, then the others named so."""
    others = sorted(name for name in scripts if re.search(r"test|vitest|jest|mocha|ava|unit|spec", name))
    late = re.compile(r"e2e|browser|types|watch|cover|build|dev|deno|bun|perf")
    others.sort(key=lambda name: bool(late.search(name)))
    return list(dict.fromkeys([*found, *others]))


def _call(script: str, step: str) -> Call | None:
    try:
        words = shlex.split(step)
    except ValueError:
        return None
    environment, node = {}, False
    for place, word in enumerate(words):
        assigned = VARIABLE.fullmatch(word)
        program = PROGRAM.fullmatch(word)
        if assigned and not node:
            environment[assigned[1]] = assigned[2]
        elif program and program[1] in ("vitest", "jest", "mocha", "ava"):
            if place and words[place - 1] in ("install", "add", "-r", "--require", "--import"):
                continue
            return Call(script, program[1], words[place + 1 :], _of_node(words[:place]), environment)
        elif program:
            node = True
    if node and "--test" in words:
        place = next(number for number, word in enumerate(words) if PROGRAM.fullmatch(word))
        loader = ["--import", "tsx"] if PROGRAM.fullmatch(words[place])[1] == "tsx" else []  # type: ignore[index]
        return Call(script, "node_test", [*loader, *words[place + 1 :]], [], environment)
    return None


def _of_node(words: list[str]) -> list[str]:
    """Return node's own options among the words before a runner."""
    if "node" not in [word.rpartition("/")[2] for word in words]:
        return []
    found = []
    for place, word in enumerate(words):
        if word.partition("=")[0] in WITH_VALUE and "=" not in word and place + 1 < len(words):
            found += [f"{word}={words[place + 1]}"]
        elif NODE_OPTIONS.match(word):
            found.append(word)
    return found
