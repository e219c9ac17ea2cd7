"""
Keep type checking out of a repository's own test run: an edit of a type is no failing test.

vitest's is turned off by an option; here are ts-jest, which reports types as failures of whole files, and ts-node.
"""

import itertools
from pathlib import PurePosixPath

from tracesmith.environments.detection import runners
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.reading import dependencies, inside
from tracesmith.environments.detection.subjects import Subject

NAME = "jest.unchecked.cjs"
WRAPPER = """\
// {original} as it stands, but ts-jest checks no types.
const options = {{ diagnostics: false, isolatedModules: true }};

// ts-jest takes its options from one place: beside its name, or else from the globals.
const relax = (config) => {{
  const isOwn = (value) => Array.isArray(value) && /ts-jest/.test(value[0]) && value[1];
  const entries = Object.entries(config.transform ?? {{}});
  const relaxed = entries.map(([name, value]) =>
    [name, isOwn(value) ? [value[0], {{ ...value[1], ...options }}] : value]);
  const named = entries.some(([, value]) => isOwn(value));
  const globals = {{ ...config.globals, "ts-jest": {{ ...config.globals?.["ts-jest"], ...options }} }};
  return {{
    ...config,
    ...(config.transform && {{ transform: Object.fromEntries(relaxed) }}),
    ...(config.projects && {{ projects: config.projects.map((one) => (typeof one === "string" ? one : relax(one))) }}),
    ...(!named && {{ globals }}),
  }};
}};

module.exports = async () => {{
  const found = await import("./{original}"{attributes});
  const config = found.default{key};
  return relax(typeof config === "function" ? await config() : config);
}};
"""


def relax(made: Plan, subject: Subject) -> Plan:
    """Return the plan with type checking left out of the tests."""
    if made.get("test.runner") == "jest":
        return _jest(made, subject)
    texts = [str(made.get("test.command")), subject.tree.text(_config(made, subject) or "")]
    if made.get("test.runner") == "mocha" and any("ts-node" in text for text in texts):
        return made.merge("environment", {"TS_NODE_TRANSPILE_ONLY": "true"}, "ts-node checks no types")
    return made


def _config(made: Plan, subject: Subject) -> str | None:
    """Return the runner's configuration: the one that the command names, or the usual one."""
    command = made.get("test.command")
    named = [word.partition("=")[2] for word in command if word.startswith("--config=")]
    named += [following for word, following in itertools.pairwise(command) if word in ("--config", "-c")]
    if named:
        return inside(subject.folder, named[0])
    return runners.config_file(subject.tree, subject.folder, str(made.get("test.runner")))


def _jest(made: Plan, subject: Subject) -> Plan:
    packages = [subject.tree.package(place) for place in dict.fromkeys((subject.folder, "."))]
    config = _config(made, subject)
    uses = any("ts-jest" in dependencies(package) for package in packages)
    if not (uses and config) or config.endswith("ts"):  # one in TypeScript cannot be loaded by another
        return made
    place = PurePosixPath(config).parent
    is_json = config.endswith(".json")
    text = WRAPPER.format(
        original=PurePosixPath(config).name,
        attributes=', { with: { type: "json" } }' if is_json else "",
        key=".jest" if config.rpartition("/")[2] == "package.json" else "",
    )
    command = _without_config(made.get("test.command"))
    relative = PurePosixPath(config).relative_to(subject.folder) if subject.folder != "." else PurePosixPath(config)
    made = made.put("test.command", [*command, f"--config={relative.with_name(NAME)}"])
    made = made.extend("test.protected_globs", [str(place / NAME), config], "")
    return made.merge("files", {str(place / NAME): text}, f"{NAME}: {config}, but ts-jest checks no types")


def _without_config(command: list[str]) -> list[str]:
    kept = []
    for place, word in enumerate(command):
        is_value = place > 0 and command[place - 1] in ("--config", "-c")
        if not (is_value or word in ("--config", "-c") or word.startswith("--config=")):
            kept.append(word)
    return kept
