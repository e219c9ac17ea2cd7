"""The configuration that a published package lacks: of the compiler, of the runner, and of git."""

from dataclasses import replace

from tracesmith.environments.detection import compiling, runner_files, runners
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.published import Published
from tracesmith.environments.detection.reading import Tree, inside, table
from tracesmith.environments.detection.runner_files import Wanted


def configure(made: Plan, package: Published) -> Plan:
    """Return the plan with what is missing of the configuration."""
    return _git(_compile(_runner(_compiler(made, package), package), package), package)


def _compiler(made: Plan, package: Published) -> Plan:
    """Write tsconfig.json where it is missing, and take out those that extend what is missing."""
    tree = package.tree
    # Of the others, tools read none without being told.
    for path in [one for one in tree.paths if one.rpartition("/")[2] == "tsconfig.json"]:
        found = tree.json(path).get("extends")
        bases = [found] if isinstance(found, str) else found or []
        lost = [str(base) for base in bases if str(base).startswith(".") and not _is_there(tree, path, str(base))]
        if lost and path == "tsconfig.json":
            made = _tsconfig(made, package, f"it extends {lost[0]}, which is not published")
        elif lost:
            made = made.extend("remove", [path], f"{path} extends {lost[0]}, which is not published")
    if "tsconfig.json" in tree.known:
        return made
    return _tsconfig(made, package, "it is not published; class fields, JSX and decorators as the code needs them")


def _is_there(tree: Tree, path: str, base: str) -> bool:
    place = inside(path.rpartition("/")[0] or ".", base)
    found = {place, f"{place}.json"} & (tree.known | {"tsconfig.json"})  # that one is written
    return bool(found) and place != path


def _tsconfig(made: Plan, package: Published, why: str) -> Plan:
    text = runner_files.tsconfig(package.compiler_options())
    return made.merge("files", {"tsconfig.json": text}, f"tsconfig.json: {why}")


def _runner(made: Plan, package: Published) -> Plan:
    """Write the runner's configuration where the tree has none that can be used."""
    wanted, config = package.wanted(made.get("test.globs")), package.config()
    is_lost = package.choices.own_config
    left = runners.config_file(package.tree, ".", package.runner)
    if left and left != "package.json" and not config:
        why = "leads to files that are not published" if is_lost else "does not load"
        made = made.extend("remove", [left], f"{left} {why}")
    why = "it is not published" if is_lost else "the published one does not load"
    if package.runner == "jest":
        return _jest(made, package, wanted, why)
    if package.runner == "vitest" and not config and _needs_vitest_config(package, wanted):
        return made.merge("files", {"vitest.config.mts": runner_files.vitest(wanted)}, f"vitest.config.mts: {why}")
    if package.runner == "mocha" and not config and len(made.get("test.command")) == 1:
        return made.merge("files", {".mocharc.json": runner_files.mocha(wanted.tests)}, f".mocharc.json: {why}")
    return made


def _needs_vitest_config(package: Published, wanted: Wanted) -> bool:
    plain = all(runner_files.VITEST_DEFAULT.search(path) for path in package.tests)
    return not plain or bool(wanted.dom or wanted.globals or wanted.setup)


def _jest(made: Plan, package: Published, wanted: Wanted, why: str) -> Plan:
    config = package.config()
    if config == "package.json":
        return _jest_key(made, package, wanted)
    if config:
        return made
    text = runner_files.jest(wanted, package.versions.get("ts-jest"))
    command = made.get("test.command")
    if "--config" in command:
        place = command.index("--config")
        made = made.put("test.command", command[:place] + command[place + 2 :])
    return made.merge("files", {"jest.config.cjs": text}, f"jest.config.cjs: {why}; ts-jest checks no types")


def _jest_key(made: Plan, package: Published, wanted: Wanted) -> Plan:
    """Keep the key `jest` of package.json, but let ts-jest check no types."""
    key = {name: value for name, value in table(package.package, "jest").items() if "coverage" not in name}
    ts_jest = package.versions.get("ts-jest")
    if ts_jest and "ts-jest" in f"{key.get('preset')} {key.get('transform')}":
        given = runner_files.with_ts_jest(ts_jest, replace(wanted, tests=()))
        patterns = [pattern for pattern, value in table(key, "transform").items() if "ts-jest" in str(value)]
        value = next(iter(given["transform"].values()))
        transform = dict.fromkeys(patterns or given["transform"], value)
        key |= {**given, "transform": {**table(key, "transform"), **transform}}
    key |= {"testEnvironment": "jsdom"} if wanted.dom else {}
    key |= {"transformIgnorePatterns": []} if wanted.all_esm else {}
    return made.merge("package_json", {"jest": key}, "jest as published, but ts-jest checks no types")


def _compile(made: Plan, package: Published) -> Plan:
    """Have the sources compiled when the tests start, where tests load the build output."""
    folder = package.compiled()
    if not folder:
        return made
    options = compiling.options(package.compiler_options(), is_module=package.package.get("type") == "module")
    why = f"{compiling.NAME}: tests load {folder}/, which is compiled when they start"
    made = made.merge("files", {compiling.NAME: compiling.hook("src", folder, options)}, why)
    made = made.put("test.command", compiling.command(made.get("test.command")))
    return made.extend("test.protected_globs", [compiling.NAME], "")


def _git(made: Plan, package: Published) -> Plan:
    """Write .gitignore, which npm leaves out of a tarball."""
    folders = ["node_modules", *(name for name in package.subject.outputs if "." not in name)]
    text = "".join(f"/{name}/\n" for name in folders)
    return made.merge("files", {".gitignore": text}, ".gitignore: npm leaves it out")
