"""What a published package lacks to run its tests: dev dependencies, configuration, entry points that lead to sources."""

import re
from dataclasses import dataclass, replace
from typing import Any

from tracesmith.environments.detection import built, compiling, imports, needs, registry, runner_files, runners
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.planning import Subject
from tracesmith.environments.detection.reading import Tree, dependencies, inside, table
from tracesmith.environments.detection.runner_files import Wanted
from tracesmith.environments.sources import NPM


@dataclass(frozen=True)
class Choices:
    """What repairs may ask of the completion beside what the files say."""

    more: tuple[str, ...] = ()
    """Further packages."""
    dom: bool | None = None
    globals: bool = False
    matchers: bool | None = None
    own_config: bool = True
    """Whether the runner's configuration of the tree is kept, where it is there."""
    all_esm: bool = False
    everything: bool = False
    """All declared dev dependencies are installed."""
    older: int = 0
    """How many major versions the runner is older than the newest of the day, where package.json names none."""
    newest: bool = False
    """Runner and compiler of today, not of the day of the publication."""


def publication(subject: Subject) -> str | None:
    """Return the day up to which dependencies are taken: the one after the publication of an npm package."""
    match = NPM.fullmatch(subject.source)
    if not match:
        return None
    name = f"@{match['scope']}/{match['name']}" if match["scope"] else match["name"]
    return registry.published(name, match["version"])


def complete(
    made: Plan, subject: Subject, choices: Choices, before: str | None, tests: list[str], without: tuple[str, ...]
) -> Plan:
    """Return the plan with what a published package lacks to run some tests; `without` are packages to leave out."""
    return _Completion(made, subject, choices, before, tests, without).complete()


class _Completion:
    """One completion; the steps share what they find."""

    def __init__(
        self,
        made: Plan,
        subject: Subject,
        choices: Choices,
        before: str | None,
        tests: list[str],
        without: tuple[str, ...],
    ) -> None:
        self.made, self.subject, self.choices, self.before = made, subject, choices, before
        self.tests, self.without = tests, without
        self.tree: Tree = subject.tree
        self.package = self.tree.package(".")
        self.runner = str(made.get("test.runner"))
        self.config = self._own_config()
        self.setup = needs.setup_files(self.tree, ".")
        self.versions: dict[str, str] = {}
        self.compiled = self._compiled()

    def complete(self) -> Plan:
        """Return the plan, completed."""
        self._missing_tests()
        self._pin()
        self._package_json()
        self._compiler()
        self._runner()
        self._compile()
        ignored = "".join(f"{name}/\n" for name in ["node_modules", *self.subject.outputs] if "." not in name)
        if ".gitignore" not in self.tree.known:
            self.made = self.made.merge("files", {".gitignore": ignored}, ".gitignore: npm leaves it out")
        return self.made

    def _compiled(self) -> str | None:
        """Return the folder of build output that tests load themselves, where a runner has to have it made."""
        if self.runner not in ("node_test", "mocha") or not any(path.startswith("src/") for path in self.tree.paths):
            return None
        loads = built.dist_imports(self.tree, self.tests, self.subject.outputs)
        folders = [one for one in self.subject.outputs if one in built.FOLDERS]
        return folders[0] if loads and folders else None

    def _compile(self) -> None:
        if not self.compiled:
            return
        options = compiling.options(self.options(), is_module=self.package.get("type") == "module")
        text = compiling.hook("src", self.compiled, options)
        why = f"{compiling.NAME}: tests load {self.compiled}/, which is compiled when they start"
        self.made = self.made.merge("files", {compiling.NAME: text}, why)
        self.made = self.made.put("test.command", compiling.command(self.made.get("test.command")))
        self.made = self.made.extend("test.protected_globs", [compiling.NAME], "")

    def _own_config(self) -> str | None:
        """Return the runner's configuration of the tree, if it is there, wanted, and all that it imports is there too."""
        found = runners.config_file(self.tree, ".", self.runner)
        if not found or (not self.choices.own_config and found != "package.json"):
            return None
        return None if imports.missing_files(self.tree, found) else found

    def _missing_tests(self) -> None:
        """Take out tests that import files which were not published."""
        lost = {path: missing for path in self.tests if (missing := imports.missing_files(Tree(self.tree.root), path))}
        if lost and len(lost) < len(self.tests):
            self.tests = [path for path in self.tests if path not in lost]
            named = ", ".join(f"{path} needs {missing[0]}" for path, missing in lost.items())
            self.made = self.made.extend(
                "remove", sorted(lost), f"tests that need files which are not published: {named}"
            )

    def _tools(self) -> list[str]:
        found = [
            *self.choices.more,
            *([] if self.choices.matchers is False or not self._matchers() else ["@testing-library/jest-dom"]),
        ]
        environments = needs.environments(self.tree, self.tests) | ({"jsdom"} if self._dom() else set())
        for name in environments & {"jsdom", "happy-dom"}:
            found.append(f"jest-environment-{name}" if self.runner == "jest" else name)
        if self.runner == "jest" and not self._own_transform():
            found.append("ts-jest")
        if "tsx" in self.made.get("test.command", []):
            found.append("tsx")
        return found

    def _own_transform(self) -> bool:
        """Tell whether jest translates by what package.json or the tree says, without ts-jest."""
        declared = dependencies(self.package)
        has_babel = any(
            re.search(r"(^|/)(babel\.config\.[cm]?js(on)?|\.babelrc(\.[cm]?js(on)?)?)$", path)
            for path in self.tree.paths
        )
        return "ts-jest" not in declared and (
            "@swc/jest" in declared or (has_babel and "@babel/preset-typescript" in declared)
        )

    def _dom(self) -> bool:
        return self.choices.dom if self.choices.dom is not None else needs.wants_dom(self.tree, self.tests)

    def _matchers(self) -> bool:
        wanted = self.choices.matchers
        return wanted if wanted is not None else needs.wants_matchers(self.tree, self.tests)

    def _pin(self) -> None:
        more = [path for path in [self.config, *self.setup] if path and path != "package.json"]
        code = needs.code_of(self.tree, ".", self.tests, more)
        wanted = needs.ranges(self.tree, ".", self.runner, code, self._tools())
        if self.choices.everything:
            declared = dependencies(self.package, "devDependencies")
            wanted |= {name: "*" if needs.ELSEWHERE.match(version) else version for name, version in declared.items()}
        wanted = {name: version for name, version in wanted.items() if name not in self.without}
        when = None if self.choices.newest else self.before
        pins = registry.resolve(self._older(wanted, when), when)
        self.versions = pins.versions
        dated = f"as npm resolved them on {when}" if when else "the newest that fit"
        why = f"what tests, sources and the runner need, {dated}; imported and in no list: {self._undeclared(wanted)}"
        self.made = self.made.put("package_json.devDependencies", dict(sorted(self.versions.items())), why)
        if when and pins.dated:
            note = "npm installs what was there on the day after the publication"
            self.made = self.made.merge("environment", {"npm_config_before": when}, note)

    def _older(self, wanted: dict[str, str], when: str | None) -> dict[str, str]:
        """Return the ranges with an older runner, where that is asked for and package.json names none."""
        if not self.choices.older or wanted.get(self.runner) != "*":
            return wanted
        newest = registry.resolve({self.runner: "*"}, when).versions[self.runner]
        return {**wanted, self.runner: f"<{int(newest.split('.')[0]) - self.choices.older + 1}"}

    def _undeclared(self, wanted: dict[str, str]) -> str:
        declared = dependencies(self.package)
        return ", ".join(sorted(set(wanted) - set(declared))) or "none"

    def _package_json(self) -> None:
        keys: dict[str, Any] = {
            "scripts": {"test": " ".join(word.rpartition("/.bin/")[2] for word in self.made.get("test.command"))}
        }
        code = needs.code_of(self.tree, ".", self.tests, [])
        leads = built.refers_to_itself(self.tree, code)
        if self.compiled or leads:
            keys |= built.entries(self.tree, self.subject.outputs)
        if self.compiled:
            keys = compiling.to_output(keys, "src", self.compiled)
        for key, value in keys.items():
            package_json = self.made.get("package_json", {})
            self.made = self.made.put("package_json", {**package_json, key: value})
        self.made = self.made.put(
            "package_json",
            self.made.get("package_json"),
            "entry points lead to the sources, since code loads the package by its name" if leads else "",
        )

    def _compiler(self) -> None:
        for path in [one for one in self.tree.paths if re.fullmatch(r"(.*/)?tsconfig[\w.-]*\.json", one)]:
            bases = self.tree.json(path).get("extends")
            bases = [bases] if isinstance(bases, str) else bases or []
            lost = [str(base) for base in bases if str(base).startswith(".") and not self._is_there(path, str(base))]
            if lost and path == "tsconfig.json":
                self._write_tsconfig(f"it extends {lost[0]}, which is not published")
            elif lost:
                self.made = self.made.extend("remove", [path], f"{path} extends {lost[0]}, which is not published")
        if "tsconfig.json" not in self.tree.known:
            self._write_tsconfig("it is not published; class fields, JSX and decorators as the code needs them")

    def _is_there(self, path: str, base: str) -> bool:
        place = inside(path.rpartition("/")[0] or ".", base)
        found = {place, f"{place}.json"} & (self.tree.known | {"tsconfig.json"})  # that one is written
        return bool(found) and place != path

    def options(self) -> dict[str, Any]:
        """Return the compiler options of a generated configuration, with those that the tree's own tsconfig.json gives."""
        code = [path for path in needs.code_of(self.tree, ".", self.tests, [])]
        decorators = any(
            re.search(r"(?m)^\s*@[A-Z]\w*\(", self.tree.text(path)) for path in code if path.endswith(".ts")
        )
        has_jsx = any(path.endswith("x") for path in code)
        uses_js = self.runner == "jest" and any(re.search(r"\.[cm]?jsx?$", path) for path in code)
        found = runner_files.compiler_options(
            self.runner,
            jsx=("react-jsx" if "react" in self.versions or "react" in dependencies(self.package) else "react")
            if has_jsx
            else None,
            decorators=decorators,
            native_fields=built.has_native_fields(self.subject.pristine, self.subject.outputs),
            js=uses_js,
        )
        own = table(self.tree.json("tsconfig.json"), "compilerOptions")
        kept = (
            "jsx",
            "jsxImportSource",
            "experimentalDecorators",
            "emitDecoratorMetadata",
            "useDefineForClassFields",
            "paths",
            "baseUrl",
            "lib",
        )
        return found | {key: own[key] for key in kept if key in own}

    def _write_tsconfig(self, why: str) -> None:
        text = runner_files.tsconfig(self.options())
        self.made = self.made.merge("files", {"tsconfig.json": text}, f"tsconfig.json: {why}")

    def _wanted(self) -> Wanted:
        sources = [
            path for path in needs.code_of(self.tree, ".", self.tests, []) if re.search(r"(?<!\.d)\.[cm]?tsx?$", path)
        ]
        js = any(
            name.startswith(".") and name.endswith("js")
            for path in sources
            for name in imports.of_text(self.tree.text(path))
        )
        matchers = (
            ["@testing-library/jest-dom/vitest" if self.runner == "vitest" else "@testing-library/jest-dom"]
            if self._matchers()
            else []
        )
        return Wanted(
            tests=self.made.get("test.globs"),
            dom=self._dom(),
            globals=self.choices.globals or any(self.subject.tests[path] in ("globals", "jest") for path in self.tests),
            setup=[*matchers, *(f"<rootDir>/{path}" if self.runner == "jest" else f"./{path}" for path in self.setup)],
            compiler=self.options(),
            all_esm=self.choices.all_esm,
            esm_imports=js,
        )

    def _runner(self) -> None:
        """Write the runner's configuration where the tree has none that can be used."""
        wanted = self._wanted()
        why = "it is not published" if self.choices.own_config else "the published one does not load"
        left = runners.config_file(self.tree, ".", self.runner)
        if left and left != "package.json" and not self.config:
            self.made = self.made.extend(
                "remove",
                [left],
                f"{left} leads to files that are not published" if self.choices.own_config else f"{left} does not load",
            )
        if self.runner == "jest":
            self._jest(wanted, why)
        elif self.runner == "vitest" and not self.config and self._needs_vitest_config(wanted):
            self.made = self.made.merge(
                "files", {"vitest.config.mts": runner_files.vitest(wanted)}, f"vitest.config.mts: {why}"
            )
        elif self.runner == "mocha" and not self.config and len(self.made.get("test.command")) == 1:
            self.made = self.made.merge(
                "files", {".mocharc.json": runner_files.mocha(wanted.tests, "tsx")}, f".mocharc.json: {why}"
            )

    def _needs_vitest_config(self, wanted: Wanted) -> bool:
        plain = all(runner_files.VITEST_DEFAULT.search(path) for path in self.tests)
        return not plain or bool(wanted.dom or wanted.globals or wanted.setup)

    def _jest(self, wanted: Wanted, why: str) -> None:
        ts_jest = self.versions.get("ts-jest")
        if self.config == "package.json":
            self._jest_key(replace(wanted, tests=()), ts_jest)
        elif not self.config:
            self.made = self.made.merge(
                "files",
                {"jest.config.cjs": runner_files.jest(wanted, ts_jest)},
                f"jest.config.cjs: {why}; ts-jest checks no types",
            )
            command = [word for word in self.made.get("test.command")]
            if "--config" in command:
                place = command.index("--config")
                self.made = self.made.put("test.command", command[:place] + command[place + 2 :])

    def _jest_key(self, wanted: Wanted, ts_jest: str | None) -> None:
        """Keep the key `jest` of package.json, but let ts-jest check no types."""
        key = {name: value for name, value in table(self.package, "jest").items() if "coverage" not in name}
        uses = ts_jest and "ts-jest" in str({key.get("preset"), str(key.get("transform"))})
        if uses and ts_jest:
            given = runner_files.with_ts_jest(ts_jest, wanted)
            patterns = [pattern for pattern, value in table(key, "transform").items() if "ts-jest" in str(value)]
            transform = {pattern: next(iter(given["transform"].values())) for pattern in patterns or given["transform"]}
            key |= {**given, "transform": {**table(key, "transform"), **transform}}
        if self._dom():
            key["testEnvironment"] = "jsdom"
        if wanted.all_esm:
            key["transformIgnorePatterns"] = []
        self.made = self.made.merge("package_json", {"jest": key}, "jest as published, but ts-jest checks no types")
