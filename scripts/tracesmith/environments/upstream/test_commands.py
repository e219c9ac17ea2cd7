"""
Turn an upstream test command into a call of the local runner, whose reporter is ours.

What the command does besides (reporters, colours, pipes, coverage) is dropped. Where the command only names a package
script, the runner is that of upstream's log parser, and a person has to look at it.
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from tracesmith.environments.upstream import shell
from tracesmith.environments.upstream.flags import kept
from tracesmith.environments.upstream.managers import MANAGERS
from tracesmith.environments.upstream.registry import Doubt
from tracesmith.sandboxes.base import TESTBED

RUNNERS = ("vitest", "jest", "mocha", "ava")
TASK_RUNNERS = {"nx", "turbo", "lerna", "backstage-cli"}
FOREIGN = {"cargo", "hereby", "tsx", "jasmine", "karma", "tap", "playwright", "cypress", "find", "bun test", "node"}
MANY = {"-r", "--recursive", "-ws", "--workspaces", "run-many", "turbo", "lerna"}
NO_TEST = re.compile(r"type|lint|e2e|prepare|build")
SIMPLE_PARSER = re.compile(r"def log_parser\(.*\n\s*return parse_log_(\w+)\(log\)\s*")
BINARY = "node_modules/.bin/"


@dataclass
class TestCall:
    """How the tests of an upstream profile are run, in the words of a profile."""

    runner: str = ""
    """Empty when neither the command nor the log parser tells."""
    arguments: list[str] = field(default_factory=list)
    node: list[str] = field(default_factory=list)
    """Flags of the Node that runs the runner."""
    folder: str = "."
    environment: dict[str, str] = field(default_factory=dict)
    build: list[list[str]] = field(default_factory=list)
    """What runs before the tests."""
    doubts: list[Doubt] = field(default_factory=list)

    def doubt(self, kind: str, text: str) -> None:
        """Note a reason to look at the profile."""
        self.doubts.append(Doubt(kind, text))

    @property
    def command(self) -> list[str]:
        """Return the command of a profile."""
        run = ["run"] if self.runner == "vitest" else []
        node = ["node", *self.node] if self.node else []
        return [*node, f"{BINARY}{self.runner}", *run, *self.arguments]


def read(test_cmd: str, parser: str) -> TestCall:
    """Return the call that a test command and the source of its log parser mean."""
    found = TestCall()
    simple = SIMPLE_PARSER.fullmatch(parser.strip())
    parsed = simple[1] if simple else ""
    if not simple:
        found.doubt("log parser", "upstream reads the output with a parser of its own, which may make up tests")
    commands = _commands(found, test_cmd)
    for command in commands[:-1]:
        found.build.append(shell.argv(command))
    _resolve(found, commands[-1] if commands else "")
    if found.runner and parsed and parsed != found.runner:
        found.doubt("log parser", f"upstream reads the output of {found.runner} with its parser for {parsed}")
    if not found.runner and parsed in RUNNERS:
        found.runner = parsed
    found.arguments = kept(found.arguments, found.doubt)
    return found


def _commands(found: TestCall, test_cmd: str) -> list[str]:
    """Return the commands that do something, without what hides how they end."""
    commands = []
    before = ""
    for piece in shell.pieces(re.sub(r"\$\((?:yarn|npm|pnpm) bin (\w+)\)", rf"{BINARY}\1", test_cmd)):
        text = re.sub(r"\s*(\d?>&\d|\d?>\s*\S+)", "", piece.text)
        variables, words = shell.assignments(shell.words(text))
        if before == "|":
            found.doubt("masked failures", f"the output went through `{text}`, whose exit code counted")
        elif words[:1] == ["true"]:
            found.doubt("masked failures", "`true` hid the exit code of the tests")
        elif words[:1] == ["echo"]:
            found.doubt("fake counts", f"`{text}` wrote results of no test")
        elif words[:1] == ["cd"]:
            found.folder = posixpath.relpath(posixpath.join(TESTBED, found.folder, *words[1:]), TESTBED)
        elif words[:1] == ["export"]:
            found.environment |= shell.assignments(words[1:])[0]
        elif words or variables:
            commands.append(text)
        before = piece.after
    return commands


def _resolve(found: TestCall, command: str) -> None:
    """Find the runner and its arguments in the command that runs the tests."""
    variables, words = shell.assignments(shell.words(command))
    while words and words[0] in ("cross-env", "xvfb-run", "-a"):
        if words[0] == "xvfb-run":
            found.doubt("browser", "the tests want a display (xvfb-run)")
        more, words = shell.assignments(words[1:])
        variables |= more
    if variables.pop("FORCE_COLOR", None):
        found.doubt("forced colours", "FORCE_COLOR is dropped")
    found.environment |= variables
    if words[:1] == ["node"] and (place := _binary_at(words)):
        found.node, words = words[1:place], words[place:]
    name = " ".join(words[:2]) if words[:2] == ["bun", "test"] else _program(words[0]) if words else ""
    if name in RUNNERS:
        _call(found, words)
    elif name in FOREIGN:
        found.doubt("foreign runner", f"`{command}` is none of {', '.join(RUNNERS)}")
    elif name in LAUNCHERS:
        LAUNCHERS[name](found, words[1:])
    else:
        found.doubt("foreign runner", f"`{command}` is not understood")


def _binary_at(words: list[str]) -> int:
    places = [place for place, word in enumerate(words) if BINARY in word and _program(word) in RUNNERS]
    return places[0] if places else 0


def _program(word: str) -> str:
    return word.rsplit("/", 1)[-1] if BINARY in word else word


def _call(found: TestCall, words: list[str]) -> None:
    found.runner = _program(words[0])
    found.arguments = words[1:]


def _manager(found: TestCall, words: list[str]) -> None:
    """Read what npm, npx, pnpm, yarn or bun is asked to run."""
    rest = _choice(found, words)
    if rest[:1] in (["exec"], ["run"]):
        rest = rest[1:]
    rest = _choice(found, rest)
    name = _program(rest[0]) if rest else "test"
    if name in RUNNERS and words[:1] != ["run"]:
        _call(found, rest)
    elif name in TASK_RUNNERS:
        _task(found, rest)
    elif name in FOREIGN:
        found.doubt("foreign runner", f"`{' '.join(rest)}` is none of {', '.join(RUNNERS)}")
    else:
        _script(found, name, rest[1:])


def _choice(found: TestCall, words: list[str]) -> list[str]:
    """Take off the flags by which a package of a monorepo is chosen."""
    rest = list(words)
    while rest and (rest[0].startswith("-") or rest[0] == "workspace"):
        flag = rest.pop(0)
        if flag in MANY:
            found.doubt("several packages", f"{flag} runs the tests of all; one has to be named in test.folder")
        elif flag in ("--filter", "-F", "workspace") and rest:
            found.doubt("several packages", f"the folder of the package {rest.pop(0)} belongs into test.folder")
    return rest


def _task(found: TestCall, words: list[str]) -> None:
    if MANY & set(words):
        found.doubt("several packages", "one has to be named in test.folder")
    found.doubt("package script", f"what `{' '.join(words)}` runs is not known here")
    found.arguments = words[words.index("--") + 1 :] if "--" in words else []


def _script(found: TestCall, name: str, words: list[str]) -> None:
    """Note a package script: its name may tell the runner, its words may be arguments of that."""
    if MANY & set(words):
        found.doubt("several packages", "the script runs in all; one has to be named in test.folder")
    if NO_TEST.search(name):
        found.doubt("no unit tests", f"going by its name, the package script {name} does not run them")
    workspace = [word for word in words if word.startswith("--workspace=")]
    if workspace:
        found.doubt("several packages", f"the folder of {workspace[0]} belongs into test.folder")
    found.runner = next((runner for runner in RUNNERS if re.search(rf"\b{runner}\b", name)), "")
    whence = "its name" if found.runner else "upstream's log parser"
    found.doubt("package script", f"what `{name}` calls is not known here; the runner is taken from {whence}")
    ours = {*workspace, *MANY, "--if-present", "--"}
    found.arguments = [word for word in words if word not in ours]


LAUNCHERS: dict[str, Callable[[TestCall, list[str]], None]] = dict.fromkeys((*MANAGERS, "npx", "bunx"), _manager)
