"""Published packages: what is built is taken out, what is missing is found, and errors say what to try next."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import tiny
from tracesmith.environments import managers, profiles
from tracesmith.environments.building import BuildSettings, Needs
from tracesmith.environments.detection import (
    attempts,
    built,
    configuring,
    making,
    needs,
    planning,
    registry,
    relaxing,
    repairs,
    reporting,
    writing,
)
from tracesmith.environments.detection.attempts import Result
from tracesmith.environments.detection.climbing import Tried
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.published import Choices, Published
from tracesmith.environments.detection.reading import Tree
from tracesmith.environments.detection.states import State
from tracesmith.environments.detection.subjects import Subject
from tracesmith.errors import InputError

SOURCE = "export class A { b = 1; }\n"
SPEC = 'import { A } from "./index.js";\ndescribe("a", () => { it("b", () => { expect(new A().b).toBe(1); }); });\n'
SETTINGS = BuildSettings("bubblewrap", Needs(2**30, 64, 1, 2**24, 60, network=False), None, "local", "local")
PACKAGE = {
    "name": "@me/thing",
    "version": "1.0.0",
    "main": "./dist/index.js",
    "types": "./dist/index.d.ts",
    "exports": {".": {"import": "./dist/index.mjs", "require": "./dist/index.js"}, "./deep": "./dist/deep/more.js"},
    "dependencies": {"left": "^1.0.0"},
    "devDependencies": {"jest": "^29.1.0", "eslint": "^8.0.0", "typescript": "^5.0.0", "sibling": "workspace:*"},
}
FILES: dict[str, Any] = {
    "package.json": PACKAGE,
    "src/index.ts": SOURCE,
    "src/deep/more.ts": 'import "left";\nimport "right";\n' + SOURCE,
    "src/a.test.ts": f'import "sibling";\n{SPEC}',
    "dist/index.js": "class A { constructor() { this.b = 1; } }\n",
    "dist/index.d.ts": "export declare class A {}\n",
    "dist/deep/more.js": "",
    "deep.js": 'module.exports = require("./dist/deep/more.js");\n',
}


def write(folder: Path, files: dict[str, Any]) -> Tree:
    """Write files, objects as JSON, and return their tree."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Tree(folder)


def subject_of(folder: Path, files: dict[str, Any]) -> Subject:
    return Subject(write(folder, files), "npm:@me/thing@1.0.0", None, 24)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """A package as npm publishes it: sources, a test, and build output."""
    return subject_of(tmp_path, FILES)


def test_build_output_and_what_leads_there_is_taken_out(subject: Subject) -> None:
    assert subject.outputs == ["deep.js", "dist"]
    assert subject.tree.paths == ["package.json", "src/a.test.ts", "src/deep/more.ts", "src/index.ts"]


def test_build_output_without_sources_is_no_copy_and_stays(tmp_path: Path) -> None:
    files = {name: text for name, text in FILES.items() if name != "src/index.ts"}
    package = {**PACKAGE, "main": "./dist/other.js", "exports": None}
    tree = write(tmp_path, {**files, "package.json": package, "dist/other.js": "", "dist/deep/more.js": ""})
    (tmp_path / "src" / "deep" / "more.ts").unlink()
    assert built.outputs(Tree(tree.root)) == []


def test_entry_points_lead_to_the_sources(subject: Subject) -> None:
    assert built.entries(subject.tree, subject.outputs) == {
        "main": "./src/index.ts",
        "types": None,
        "exports": {".": "./src/index.ts", "./deep": "./src/deep/more.ts"},
    }


def test_class_fields_are_assigned_where_the_published_code_does_it(tmp_path: Path, subject: Subject) -> None:
    assert built.has_native_fields(subject.pristine, subject.outputs) is False
    (tmp_path / "dist" / "index.js").write_text("class A {\n    b = 1;\n}\n")
    assert built.has_native_fields(Tree(tmp_path), subject.outputs) is True


def test_what_the_suite_needs_is_pinned_and_nothing_else(subject: Subject) -> None:
    code = needs.code_of(subject.tree, ".", ["src/a.test.ts"], [])
    wanted = needs.ranges(subject.tree, ".", "jest", code, ["ts-jest"])
    assert wanted == {"jest": "^29.1.0", "right": "*", "sibling": "workspace:*", "ts-jest": "*", "typescript": "^5.0.0"}


@pytest.mark.parametrize("ts_jest", ["29.4.5", "27.1.5"])
def test_a_written_jest_configuration_checks_no_types(subject: Subject, ts_jest: str) -> None:
    found = subject.runners[0]
    package = Published(subject, Choices(), "jest", found.tests, {"ts-jest": ts_jest})
    files = configuring.configure(planning.plan(subject, found), package).get("files")
    config = json.loads(files["jest.config.cjs"].removeprefix("module.exports = ").rstrip(";\n"))
    assert config["testMatch"] == ["<rootDir>/src/**/*.test.ts"]
    assert config["moduleNameMapper"] == {"^(\\.{1,2}/.*)\\.[cm]?js$": "$1"}
    options = config["globals"]["ts-jest"] if ts_jest < "29" else config["transform"]["^.+\\.[cm]?tsx?$"][1]
    assert options["diagnostics"] is False
    assert options["tsconfig"]["useDefineForClassFields"] is False
    assert "/dist/" in files[".gitignore"]


def test_a_tsconfig_that_extends_what_is_missing_is_written_anew(tmp_path: Path) -> None:
    base = {"extends": "../../tsconfig.base.json", "compilerOptions": {"jsx": "preserve", "outDir": "dist"}}
    nested = {"extends": "../../../shared.json"}
    fine = {"extends": "../tsconfig"}
    added = {"tsconfig.json": base, "src/tsconfig.json": nested, "src/tsconfig.fine.json": fine}
    subject = subject_of(tmp_path, {**FILES, **added})
    found = subject.runners[0]
    package = Published(subject, Choices(), "jest", found.tests, {})
    plan = configuring.configure(planning.plan(subject, found), package)
    assert json.loads(plan.get("files")["tsconfig.json"])["compilerOptions"]["jsx"] == "preserve"
    assert plan.get("remove") == ["deep.js", "dist", "src/tsconfig.json"]


def repaired(subject: Subject, result: Result, **state: Any) -> State:
    return repairs.apply(subject, State("jest", **state), result)


@pytest.mark.parametrize(
    ("outcome", "text", "changed"),
    [
        ("ran", "Cannot find module 'p-queue/dist' from 'src/a.ts'", {"more": ("p-queue",)}),
        ("ran", 'Error: Failed to resolve import "@x/y" from "src/a.ts"', {"more": ("@x/y",)}),
        ("no_report", "Test environment jest-environment-jsdom cannot be found", {"more": ("jest-environment-jsdom",)}),
        ("ran", "ReferenceError: document is not defined", {"dom": True}),
        ("ran", "Error: Invalid Chai property: toBeInTheDocument", {"matchers": True}),
        ("ran", "SyntaxError: Cannot use import statement outside a module", {"all_esm": True}),
        ("no_report", "failed to load config from /testbed/vite.config.ts", {"own_config": False}),
    ],
)
def test_an_error_of_the_suite_says_what_to_try_next(
    subject: Subject, outcome: str, text: str, changed: dict[str, Any]
) -> None:
    found = repaired(subject, Result(outcome, text=text))
    assert found.choices == Choices(**changed)
    assert len(found.steps) == 1
    assert repaired(subject, Result(outcome, text="something else")) == State("jest")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("npm error code ERESOLVE", "environment", (("npm_config_legacy_peer_deps", "true"),)),
        ("npm error code ETARGET No matching version found for x@1", "before", None),
        ("npm error 404  'nowhere@*' is not in this registry.", "without", ("nowhere",)),
        ("ERR_PNPM_OUTDATED_LOCKFILE  Cannot install", "variants", frozenset({"unfrozen"})),
        ("npm error code EBADENGINE", "environment", (("npm_config_engine_strict", "false"),)),
    ],
)
def test_an_error_of_the_installation_says_what_to_try_next(
    subject: Subject, text: str, key: str, value: object
) -> None:
    found = repaired(subject, Result("not_installed", text=text), before="2026-01-01")
    assert getattr(found, key) == value


def test_an_older_runner_is_taken_only_where_package_json_names_none(tmp_path: Path) -> None:
    said = Result("ran", text="TypeError: expect(...).toBeCalledWith is not a function")
    assert repaired(subject_of(tmp_path, FILES), said).choices.older == 0
    package = {**PACKAGE, "devDependencies": {}}
    assert repaired(subject_of(tmp_path, {**FILES, "package.json": package}), said).choices.older == 1


def test_a_test_that_reads_what_was_not_published_is_taken_out_alone(subject: Subject) -> None:
    said = "FAIL src/a.test.ts\n  ENOENT: no such file or directory, open '/testbed/maps/x.json'\n"
    others = {"src/b.test.ts": 3, "src/c.test.ts": 1}
    whole = Result("ran", 4, files={"src/a.test.ts": 0, **others}, text=said)
    assert repaired(subject, whole).removed == ("src/a.test.ts",)
    half = Result("ran", 9, files={"src/a.test.ts": 5, **others}, text=said)
    assert repaired(subject, half).removed == ()


def test_the_gate_counts_tests_and_files() -> None:
    files = {f"{number}.ts": 5 for number in range(20)}
    assert Result("ran", 100, files=files).is_perfect
    assert Result("ran", 95, failed=["a"] * 5, files=files).is_enough
    assert not Result("ran", 94, failed=["a"] * 6, files=files).is_enough
    assert not Result("ran", 100, files=files, broken=["x.ts", "y.ts"]).is_enough
    assert not Result("no_report", 0).is_enough


def test_the_best_attempt_passes_most_and_fails_least() -> None:
    results = [Result("not_installed"), Result("ran", 5, failed=["a"]), Result("ran", 5), Result("ran", 5)]
    assert attempts.best(results) == 2


@pytest.mark.parametrize(
    ("manager", "steps"),
    [
        ({"name": "npm"}, ["npm", "install", "--no-audit", "--no-fund"]),
        ({"name": "yarn", "version": "1.22.22"}, ["yarn", "install", "--ignore-engines", "--non-interactive"]),
        ({"name": "yarn", "version": "4.1.0"}, ["yarn", "install", "--no-immutable"]),
        ({"name": "bun", "version": "1.2.0"}, ["bun", "install"]),
    ],
)
def test_install_steps_can_run_scripts_and_change_the_lockfile(manager: dict[str, str], steps: list[str]) -> None:
    found = managers.named(manager["name"], manager.get("version"))
    assert found.install(scripts=True, frozen=False) == steps


def test_every_key_of_the_yaml_says_why_and_reads_as_a_profile(tmp_path: Path, subject: Subject) -> None:
    found = subject.runners[0]
    package = Published(subject, Choices(), "jest", found.tests, {})
    plan = configuring.configure(planning.plan(subject, found), package).put("package_json", {"main": None}, "why")
    text = writing.to_yaml(plan, ["Made for a test."])
    (tmp_path / "made.yaml").write_text(text)
    assert profiles.read(tmp_path / "made.yaml").name == "ThingProfile"
    assert yaml.safe_load(text) == plan.values
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line[:1].isalpha() and line != "test:":
            assert lines[number - 1].startswith("# "), line


def test_a_profile_of_somebodys_own_is_kept(tmp_path: Path) -> None:
    path = tiny.write_profile(tmp_path)
    before = path.read_bytes()
    making.make(str(tiny.SOURCE), SETTINGS, path, None)
    assert path.read_bytes() == before
    path.write_text("name: broken\n")
    with pytest.raises(InputError, match=r"tiny.yaml: key \w+ is missing"):
        making.make(str(tiny.SOURCE), SETTINGS, path, None)


def test_the_report_names_each_attempt_with_its_first_errors() -> None:
    first = Tried(State("jest"), Plan(), Result("not_installed", text="npm error code ERESOLVE"))
    later = Result("ran", 1, failed=["a.ts > b", "a.ts > c"], files={"a.ts": 1}, text="a.ts > b: Error: 1 is not 2")
    second = Tried(State("jest", steps=("added x",)), Plan(), later)
    text = reporting.report("npm:x@1.0.0", [first, second])
    assert "33.3 % of its tests pass" in text[0]
    assert "failing: a.ts > b, a.ts > c" in text[0]
    assert text[1] == "attempt 1 (as detected): the installation failed: npm error code ERESOLVE"
    assert text[2].startswith("attempt 2 (added x): ran: 1 tests passed, 2 failed")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"jest.config.js": "module.exports = {};"}, 'import("./jest.config.js")'),
        ({"package.json": {**PACKAGE, "jest": {"preset": "ts-jest"}}}, "found.default.jest"),
    ],
)
def test_type_checking_is_left_out_of_a_repositorys_own_jest(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    package = {**files.get("package.json", PACKAGE), "devDependencies": {"jest": "29", "ts-jest": "29"}}
    tree = write(tmp_path, {**FILES, **files, "package.json": package, "package-lock.json": {}})
    subject = Subject(tree, "git+https://host/a/b@v1", None, 24)
    plan = relaxing.relax(planning.plan(subject, subject.runners[0]), subject)
    assert plan.get("test.command") == ["node_modules/.bin/jest", f"--config={relaxing.NAME}"]
    assert said in plan.get("files")[relaxing.NAME]
    assert relaxing.NAME in plan.get("test.protected_globs")


@pytest.mark.network
def test_pins_come_from_the_registry_and_from_nowhere_else() -> None:
    wanted = {"strip-bom": "github:me/strip-bom", "mine": "npm:toposort@~2.0.2", "tiny-case": "file:../.."}
    found = registry.resolve(wanted, None).versions
    assert found["mine"] == "npm:toposort@2.0.2"
    assert all(found[name][0].isdigit() for name in ("strip-bom", "tiny-case"))


@pytest.mark.network
@pytest.mark.parametrize(("before", "dated"), [("2099-01-01", True), ("2000-01-01", False)])
def test_what_was_not_there_at_the_date_is_taken_as_of_today(before: str, dated: bool) -> None:
    assert registry.resolve({"tiny-case": "1.0.3"}, before) == registry.Pins({"tiny-case": "1.0.3"}, dated)
