"""The first plan for a tree: what its files say, before anything is run."""

import re
from collections.abc import Sequence

from tracesmith.environments.detection import (
    node_versions,
    package_managers,
    packages,
    runners,
    source_files,
    test_files,
)
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.reading import Tree, inside, table
from tracesmith.environments.detection.runners import Found
from tracesmith.environments.detection.subjects import Subject
from tracesmith.errors import InputError


def plan(subject: Subject, found: Found) -> Plan:
    """Return the plan for a runner."""
    tree, folder = subject.tree, subject.folder
    manager, why_manager = package_managers.choose(tree)
    node, why_node = node_versions.choose(tree, folder, subject.own_node)
    made = Plan().put("name", profile_name(subject), "Name by which a configuration refers to this profile.")
    made = made.put("source", subject.source, "As it was given.").put("node", node, why_node)
    if manager != {"name": "npm"}:
        made = made.put("package_manager", manager, why_manager)
    if subject.outputs:
        made = made.put("remove", subject.outputs, "build output, which holds a copy of the code")
    if subject.strays:
        made = made.extend("remove", subject.strays, "links that lead out of the repository, and pointers of Git LFS")
    made = made.put("test.runner", found.name, found.reason)
    if folder != ".":
        made = made.put("test.folder", folder, subject.choice[1])
    made = _command(made, subject, found, str(manager["name"]))
    return _globs(made, subject, found.tests)


def profile_name(subject: Subject) -> str:
    """Return a profile's name: that of the package in one word."""
    name = str(subject.tree.package(subject.folder).get("name") or subject.source.rpartition("/")[2])
    words = re.findall(r"[A-Za-z0-9]+", name.rpartition("/")[2].split("@")[0])
    text = "".join(word[:1].upper() + word[1:] for word in words)
    return f"{text if text[:1].isalpha() else 'Package' + text}Profile"


def _command(made: Plan, subject: Subject, found: Found, manager: str) -> Plan:
    tree, folder, call = subject.tree, subject.folder, found.call
    said = runners.arguments(found.name, call.arguments) if call else []
    why = f"script {call.script!r} calls it" if call else "no script calls it"
    if found.name == "node_test":
        return made.put("test.command", _node_test(subject, found, said), f"node's own runner; {why}")
    program = packages.binary(tree, folder, found.name, manager)
    command = [program, *(["run"] if found.name == "vitest" else []), *said]
    config = runners.config_file(tree, folder, found.name)
    if found.name == "vitest" and config and "typecheck" in tree.text(config):
        command.append("--typecheck.enabled=false")
    made = made.put("test.command", command, f"the local program, not a package script; {why}")
    if call:
        options = [*filter(None, [call.environment.get("NODE_OPTIONS")]), *call.node_arguments]
        variables = {**call.environment, **({"NODE_OPTIONS": " ".join(options)} if options else {})}
        made = made.put(
            "environment",
            {key: text for key, text in variables.items() if key not in ("CI", "FORCE_COLOR")},
            f"script {call.script!r} sets it",
        )
    return made


def _node_test(subject: Subject, found: Found, said: Sequence[str]) -> list[str]:
    options = [word for word in said if word.startswith("-")]
    values = [
        word
        for place, word in enumerate(said)
        if place and said[place - 1] in ("--import", "--require", "-r", "--loader", "-C", "--conditions")
    ]
    prefix = "" if subject.folder == "." else f"{subject.folder}/"
    globs = [
        glob.removeprefix(prefix)
        for glob in test_files.to_globs(found.tests, others(subject, found.tests), subject.folder)
    ]
    files = [word for word in said if not word.startswith("-") and word not in values] or globs
    loading = [word for word in said if word in options or word in values]
    if not any("tsx" in word or "ts-node" in word or "register" in word for word in loading):
        loading += runners.loader(subject.tree, found.tests)
    return ["node", *loading, "--test", *files]


def others(subject: Subject, tests: Sequence[str]) -> list[str]:
    """Return the files of a package that are no tests of the runner."""
    own = set(tests)
    return [
        path for path in subject.tree.below(subject.folder) if path not in own and re.search(r"\.[cm]?[jt]sx?$", path)
    ]


def _globs(made: Plan, subject: Subject, tests: Sequence[str]) -> Plan:
    tree, folder = subject.tree, subject.folder
    globs = test_files.to_globs(tests, others(subject, tests), folder)
    made = made.put("test.globs", globs, f"{len(tests)} test files")
    protected = [*_named(tree, folder), *test_files.helpers(tree, tests, folder)]
    made = made.put(
        "test.protected_globs", list(dict.fromkeys(protected)), "configuration, and what stands beside the tests"
    )
    generated = source_files.generated(tree, folder)
    sources = source_files.to_globs(tree, folder, [*globs, *protected, *generated, "**/*.d.ts"])
    if not sources:
        raise InputError(
            f"the package {folder} has {len(tests)} test files and no TypeScript of its own that is no test: name the "
            "package whose sources are to be tested with --package"
        )
    made = made.put("source_globs", sources, "TypeScript that is neither test nor configuration")
    return made.put("exclude_globs", generated, "generated code")


def _named(tree: Tree, folder: str) -> list[str]:
    """Return the configuration of the package and of the repository."""
    found = ["package.json", *(["pnpm-workspace.yaml"] if "pnpm-workspace.yaml" in tree.known else [])]
    for place in dict.fromkeys((folder, ".")):
        found.append(inside(place, "package.json"))
        found += ["tsconfig*.json" if place == "." else f"{place}/tsconfig*.json"]
    extra = table(tree.package(folder), "jest").get("setupFilesAfterEnv")
    texts = [str(one) for one in extra] if isinstance(extra, list) else []
    found += [inside(folder, text.replace("<rootDir>/", "")) for text in texts if "<rootDir>" in text]
    return list(dict.fromkeys(found))
