"""Complete the plan for a published package: its dev dependencies, entry points that lead to sources, configuration."""

from typing import Any

from tracesmith.environments.detection import built, compiling, configuring, imports, needs, registry
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.published import Published
from tracesmith.environments.detection.reading import Tree, dependencies, table
from tracesmith.environments.detection.subjects import Subject
from tracesmith.environments.sources import NPM


def publication(subject: Subject) -> str | None:
    """Return the day up to which dependencies are taken: the one after the publication of an npm package."""
    match = NPM.fullmatch(subject.source)
    if not match:
        return None
    name = f"@{match['scope']}/{match['name']}" if match["scope"] else match["name"]
    return registry.published(name, match["version"])


def complete(made: Plan, package: Published, before: str | None, without: tuple[str, ...]) -> Plan:
    """Return the plan with what a package lacks to run its tests; `without` are packages to leave out."""
    made, package = _without_lost_tests(made, package)
    made, package = _pin(made, package, before, without)
    return configuring.configure(_package_json(made, package), package)


def _without_lost_tests(made: Plan, package: Published) -> tuple[Plan, Published]:
    """Take out tests that import files which were not published."""
    whole = Tree(package.tree.root)
    lost = {path: missing for path in package.tests if (missing := imports.missing_files(whole, path))}
    if not lost or len(lost) == len(package.tests):
        return made, package
    kept = [path for path in package.tests if path not in lost]
    named = ", ".join(f"{path} needs {missing[0]}" for path, missing in lost.items())
    made = made.extend("remove", sorted(lost), f"tests that need files which are not published: {named}")
    return made, Published(package.subject, package.choices, package.runner, kept)


def _pin(made: Plan, package: Published, before: str | None, without: tuple[str, ...]) -> tuple[Plan, Published]:
    """Pin the dev dependencies that are needed."""
    tree, choices = package.tree, package.choices
    more = [path for path in [package.config(), *needs.setup_files(tree, ".")] if path and path != "package.json"]
    code = needs.code_of(tree, ".", package.tests, more)
    wanted = needs.ranges(tree, ".", package.runner, code, _tools(made, package))
    declared = dependencies(package.package, "devDependencies")
    if choices.everything:
        wanted |= declared
    wanted = {name: version for name, version in wanted.items() if name not in without}
    when = None if choices.newest else before
    pins = registry.resolve(_older(package, wanted, when), when)
    dated = f"as npm resolved them on {when}" if when and pins.dated else "the newest that fit"
    undeclared = ", ".join(sorted(set(wanted) - set(dependencies(package.package)))) or "none"
    why = f"what tests, sources and the runner need, {dated}; in no list of the package: {undeclared}"
    made = made.put("package_json.devDependencies", dict(sorted(pins.versions.items())), why)
    if when and pins.dated:
        note = "npm installs what was there on the day after the publication"
        made = made.merge("environment", {"npm_config_before": when}, note)
    return made, package.pinned(pins.versions)


def _tools(made: Plan, package: Published) -> list[str]:
    """Return the packages that a suite needs without importing them."""
    found = [*package.choices.more, *(["@testing-library/jest-dom"] if package.wants_matchers() else [])]
    environments = needs.environments(package.tree, package.tests) | ({"jsdom"} if package.wants_dom() else set())
    for name in sorted(environments & {"jsdom", "happy-dom"}):
        found.append(f"jest-environment-{name}" if package.runner == "jest" else name)
    if package.runner == "jest" and not package.has_own_transform():
        found.append("ts-jest")
    return [*found, *(["tsx"] if "tsx" in made.get("test.command") else [])]


def _older(package: Published, wanted: dict[str, str], when: str | None) -> dict[str, str]:
    """Return the ranges with an older runner, where that is asked for and package.json names none."""
    runner, older = package.runner, package.choices.older
    if not older or wanted.get(runner) != "*":
        return wanted
    newest = registry.resolve({runner: "*"}, when).versions[runner]
    return {**wanted, runner: f"<{int(newest.split('.')[0]) - older + 1}"}


def _package_json(made: Plan, package: Published) -> Plan:
    """Name the test command, and let entry points lead to the sources where code loads the package by its name."""
    words = [word.rpartition("/.bin/")[2] for word in made.get("test.command")]
    keys: dict[str, Any] = {"scripts": {"test": " ".join(words)}}
    compiled = package.compiled()
    leads = built.refers_to_itself(package.tree, package.code())
    if compiled or leads:
        keys |= built.entries(package.tree, package.subject.outputs)
    if compiled:
        keys = compiling.to_output(keys, "src", compiled)
    overrides, direct = table(package.package, "overrides"), {*package.versions, *dependencies(package.package)}
    if overrides.keys() & direct:  # npm refuses an override of what is depended on directly
        keys["overrides"] = {name: value for name, value in overrides.items() if name not in direct} or None
    why = "entry points lead to the sources, since code loads the package by its name" if leads and not compiled else ""
    return made.merge("package_json", keys, why)
