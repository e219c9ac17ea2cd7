"""What the ladder of attempts varies, and the plan that follows from it."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from tracesmith.environments import managers
from tracesmith.environments.detection import built, completing, needs, packages, planning, registry, relaxing
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.published import Choices, Published
from tracesmith.environments.detection.reading import dependencies, inside
from tracesmith.environments.detection.subjects import Subject

OLDEST_VITEST = "^2.1.0"


@dataclass(frozen=True)
class State:
    """One combination of choices; `steps` says in words what was changed since the first plan."""

    runner: str
    choices: Choices = field(default_factory=Choices)
    before: str | None = None
    without: tuple[str, ...] = ()
    """Dev dependencies that are taken out."""
    removed: tuple[str, ...] = ()
    """Test files that are taken out."""
    environment: tuple[tuple[str, str], ...] = ()
    manager_version: str | None = None
    """Of the package manager, where the registry lacks the one that is asked for."""
    variants: frozenset[str] = frozenset()
    """
    Further changes: unfrozen (the lockfile may be changed), scripts (install scripts run), build (sibling packages are
    built), entries (entry points lead to the sources), other_bin (the runner stands in the other node_modules), tsx,
    newer_vitest, unlocked (the lockfile is taken out, and one is written anew).
    """
    steps: tuple[str, ...] = ()

    def key(self) -> tuple[Any, ...]:
        """Return what tells two states apart: all but the words."""
        return tuple(value for name, value in vars(self).items() if name != "steps")

    def choose(self, step: str, **changes: Any) -> "State":
        """Return the state with other choices."""
        return replace(self, choices=replace(self.choices, **changes), steps=(*self.steps, step))

    def change(self, step: str, **changes: Any) -> "State":
        """Return the state with other values."""
        return replace(self, steps=(*self.steps, step), **changes)

    def vary(self, step: str, variant: str) -> "State":
        """Return the state with one more variant."""
        return self.change(step, variants=self.variants | {variant})

    def variable(self, step: str, name: str, text: str) -> "State":
        """Return the state with one more environment variable."""
        kept = tuple(pair for pair in self.environment if pair[0] != name)
        return self.change(step, environment=(*kept, (name, text)))


def to_plan(subject: Subject, state: State) -> Plan:
    """Return the plan of a state."""
    found = next(one for one in subject.runners if one.name == state.runner)
    found = replace(found, tests=[path for path in found.tests if path not in state.removed])
    made = planning.plan(subject, found)
    if state.manager_version:
        why = f"{made.reasons['package_manager']}; the registry lacks that version"
        made = made.put("package_manager", {**made.get("package_manager"), "version": state.manager_version}, why)
    if subject.published:
        made = completing.complete(
            made, Published(subject, state.choices, found.name, found.tests), state.before, state.without
        )
    else:
        made = relaxing.relax(_with_packages(made, subject, state), subject)
    if state.removed:
        made = made.extend("remove", list(state.removed), f"tests that cannot run here: {', '.join(state.removed)}")
    made = _with_variants(made, subject, state)
    if state.environment:
        made = made.merge(
            "environment",
            dict(state.environment),
            "; ".join(f"{name} after an attempt failed" for name, _ in state.environment),
        )
    return made


def _with_packages(made: Plan, subject: Subject, state: State) -> Plan:
    """Add and take out dev dependencies of a repository that is no published package."""
    package = subject.tree.package(".")
    more = [name for name in state.choices.more if name not in dependencies(package)]
    if (
        "tsx" in made.get("test.command")
        and "tsx" not in dependencies(package)
        and "tsx" not in dependencies(subject.tree.package(subject.folder))
    ):
        more.append("tsx")
    ranges = {name: "*" if name != "typescript" else needs.TYPESCRIPT_RANGE for name in more}
    if "newer_vitest" in state.variants:
        ranges["vitest"] = OLDEST_VITEST
    if not (ranges or state.without):
        return made
    declared = dependencies(package, "devDependencies")
    kept = {name: version for name, version in declared.items() if name not in state.without}
    if "newer_vitest" in state.variants:
        kept = {name: version for name, version in kept.items() if not name.startswith("@vitest/")}
    pins = registry.resolve(ranges, None).versions if ranges else {}
    added = [f"added: {', '.join(pins)}"] if pins else []
    taken = [f"taken out: {', '.join(state.without)}"] if state.without else []
    why = [*added, *taken]
    return made.put("package_json", {"devDependencies": {**kept, **pins}}, "; ".join(why))


def _with_variants(made: Plan, subject: Subject, state: State) -> Plan:
    manager = made.get("package_manager", {"name": "npm"})
    known = managers.named(manager["name"], manager.get("version"))
    if "scripts" in state.variants or ("unfrozen" in state.variants and manager["name"] != "npm"):
        command = known.install(scripts="scripts" in state.variants, frozen="unfrozen" not in state.variants)
        made = made.put(
            "install",
            [command],
            "the manager's own step failed: "
            + "; ".join(step for step in state.steps if "install" in step or "lock" in step),
        )
    if "build" in state.variants:
        made = made.put(
            "build",
            packages.building(subject.tree, subject.folder, manager),
            "sibling packages that the tests load, by their entry points",
        )
    if "entries" in state.variants and not subject.published:
        entries = built.entries(subject.tree, list(built.FOLDERS))
        made = made.merge(
            "package_json", entries, "entry points lead to the sources: the tests load the package by its name"
        )
    if "other_bin" in state.variants:
        made = made.put(
            "test.command",
            _other_binary(subject, made.get("test.command")),
            "the program stands in the other node_modules",
        )
    if "unlocked" in state.variants:
        names = [name for name in known.lockfiles if name in subject.tree.known]
        made = made.extend("remove", names, "the lockfile names packages that cannot be fetched; one is written anew")
    if "tsx" in state.variants:
        made = made.put("test.command", _with_tsx(made.get("test.command"), state.runner))
    return made


def _other_binary(subject: Subject, command: list[str]) -> list[str]:
    up = "/".join([".."] * len(inside(".", subject.folder).split("/"))) + "/"
    other = command[0].removeprefix(up) if command[0].startswith(up) else up + command[0]
    return [other, *command[1:]]


def _with_tsx(command: list[str], runner: str) -> list[str]:
    if any(re.search(r"\btsx\b", word) for word in command):
        return command
    place = 1
    return [*command[:place], "--import", "tsx", *command[place:]] if runner in ("node_test", "mocha") else command
