"""What the files of a repository say: manager, runner, package, Node, tests, sources. Nothing is run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracesmith import globs
from tracesmith.environments.detection import (
    imports,
    node_versions,
    package_managers,
    packages,
    planning,
    reading,
    source_files,
    test_files,
)
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.reading import Tree
from tracesmith.environments.detection.subjects import Subject
from tracesmith.errors import InputError

VITEST = 'import { expect, test } from "vitest";\ntest("adds", () => expect(1 + 1).toBe(2));\n'
JEST = 'describe("x", () => { it("calls", () => { expect(jest.fn()()).toBeUndefined(); }); });\n'
MOCHA = 'import assert from "node:assert";\ndescribe("x", () => { it("is", () => { assert.equal(1, 1); }); });\n'
NODE = 'import test from "node:test";\nimport { add } from "../src/index.ts";\ntest("adds", () => { add(1, 1); });\n'
AVA = 'import test from "ava";\ntest("adds", (t) => t.is(1 + 1, 2));\n'
SOURCE = "export const add = (a: number, b: number): number => a + b;\n"
Write = Callable[..., Tree]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files, objects as JSON, and return their tree."""

    def tree(files: dict[str, Any]) -> Tree:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Tree(tmp_path)

    return tree


def detected(tree: Tree, source: str = "git+https://host/a/b@v1", package: str | None = None) -> Plan:
    """Return the first plan."""
    subject = Subject(tree, source, package, 24)
    return planning.plan(subject, subject.runners[0])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"package-lock.json": {"lockfileVersion": 3}}, {"name": "npm"}),
        ({"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, {"name": "pnpm", "version": "9.15.9"}),
        ({"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, {"name": "pnpm", "version": "8.15.9"}),
        ({"pnpm-lock.yaml": "lockfileVersion: 5.4\n"}, {"name": "pnpm", "version": "7.33.7"}),
        ({"yarn.lock": "# yarn lockfile v1\n"}, {"name": "yarn", "version": "1.22.22"}),
        ({"yarn.lock": "__metadata:\n  version: 8\n"}, {"name": "yarn", "version": "4.12.0"}),
        (
            {"yarn.lock": "__metadata:\n  version: 6\n", ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-3.6.1.cjs\n"},
            {"name": "yarn", "version": "3.6.1"},
        ),
        ({"bun.lock": "{}"}, {"name": "bun", "version": package_managers.BUN}),
        ({}, {"name": "npm"}),
        (
            {"package.json": {"packageManager": "pnpm@10.12.1+sha512.ab"}, "package-lock.json": {}},
            {"name": "pnpm", "version": "10.12.1"},
        ),
        (
            {"package.json": {"scripts": {"t": "yarn test x"}}, "package-lock.json": {}, "yarn.lock": "# v1\n"},
            {"name": "yarn", "version": "1.22.22"},
        ),
    ],
)
def test_the_manager_is_that_of_the_lockfile_or_of_the_field(
    write: Write, files: dict[str, Any], expected: dict[str, str]
) -> None:
    found, why = package_managers.choose(write(files))
    assert found == expected
    assert why


@pytest.mark.parametrize(
    ("wanted", "major", "allowed"),
    [
        (">=20", 24, True),
        ("^20.19.0 || >=22.12", 24, True),
        ("^18", 24, False),
        ("18.x", 18, True),
        (">=14 <23", 24, False),
        (">=14 <23", 22, True),
        ("18 - 24", 24, True),
        ("<24", 24, False),
        ("<=24", 24, True),
        ("*", 24, True),
        ("~22.3", 24, False),
    ],
)
def test_engines_allow_a_major_version(wanted: str, major: int, allowed: bool) -> None:
    assert node_versions.allows(wanted, major) == allowed


@pytest.mark.parametrize(
    ("files", "node"),
    [
        ({"package.json": {"engines": {"node": ">=18"}}, ".nvmrc": "v20.1.0\n"}, "24"),
        ({"package.json": {"engines": {"node": "^18 || ^20"}}}, "20"),
        ({"package.json": {}}, "24"),
        ({"package.json": {"engines": {"node": "^16"}}}, "24"),
    ],
)
def test_the_sandboxes_own_node_is_taken_where_engines_allow_it(write: Write, files: dict[str, Any], node: str) -> None:
    assert node_versions.choose(write(files), ".", 24)[0] == node


@pytest.mark.parametrize(
    ("package", "files", "runner", "command"),
    [
        (
            {"scripts": {"test": "npm run lint && npm run t:vi", "t:vi": "vitest --coverage"}},
            {"src/a.spec.ts": VITEST},
            "vitest",
            ["node_modules/.bin/vitest", "run"],
        ),
        (
            {"scripts": {"test": "TZ=UTC jest --config=ci.config.js --watch"}, "devDependencies": {"jest": "29"}},
            {"src/a.test.ts": JEST},
            "jest",
            ["node_modules/.bin/jest", "--config=ci.config.js"],
        ),
        (
            {"scripts": {"test": "mocha -r ts-node/register --reporter dot 'test/*.ts'"}},
            {"test/a.ts": MOCHA},
            "mocha",
            ["node_modules/.bin/mocha", "-r", "ts-node/register", "test/*.ts"],
        ),
        (
            {"scripts": {"test": "c8 node --import tsx --test test/*.test.ts"}},
            {"test/a.test.ts": NODE},
            "node_test",
            ["node", "--import", "tsx", "--test", "test/*.test.ts"],
        ),
        ({}, {"test/a.test.ts": NODE}, "node_test", ["node", "--test", "test/**/*.test.ts"]),
        ({"scripts": {"test": "xo && ava"}}, {"test/a.ts": AVA}, "ava", ["node_modules/.bin/ava"]),
    ],
)
def test_the_runner_is_called_by_its_local_program(
    write: Write, package: dict[str, Any], files: dict[str, Any], runner: str, command: list[str]
) -> None:
    plan = detected(write({"package.json": {"name": "x", **package}, "src/index.ts": SOURCE, **files}))
    assert plan.get("test.runner") == runner
    assert plan.get("test.command") == command
    assert plan.reasons["test.runner"]


def test_a_runner_that_test_does_not_lead_to_gives_way(write: Write) -> None:
    scripts = {"test": "npm run unit", "unit": "vitest run", "old": "mocha -r ts-node/register test/*.ts"}
    dependencies = {"vitest": "1", "mocha": "5"}
    package = {"name": "x", "scripts": scripts, "devDependencies": dependencies}
    tree = write({"package.json": package, "src/index.ts": SOURCE, "test/a.ts": MOCHA, "vite.config.ts": ""})
    assert detected(tree).get("test.runner") == "vitest"


def test_variables_and_options_of_node_come_from_the_script(write: Write) -> None:
    variables = "cross-env TZ=UTC NODE_OPTIONS=--max-old-space-size=4096"
    script = f"{variables} node --experimental-vm-modules ./node_modules/jest/bin/jest.js"
    package = {"name": "x", "scripts": {"test": script}}
    plan = detected(write({"package.json": package, "src/index.ts": SOURCE, "src/a.test.ts": JEST}))
    options = "--max-old-space-size=4096 --experimental-vm-modules"
    assert plan.get("environment") == {"TZ": "UTC", "NODE_OPTIONS": options}


def test_tests_of_another_runner_are_not_its_tests(write: Write) -> None:
    files = {"test/a.test.ts": NODE, "test/b.test.ts": NODE, "test/jest/c.spec.ts": JEST}
    plan = detected(write({"package.json": {"name": "x"}, "src/index.ts": SOURCE, **files}))
    assert [name for name in files if globs.matches(name, plan.get("test.globs"))] == [
        "test/a.test.ts",
        "test/b.test.ts",
    ]


def test_bugs_go_into_sources_and_not_into_what_stands_aside(write: Write) -> None:
    names = [
        "src/a.ts",
        "src/b/c.tsx",
        "lib.d.ts",
        "scripts/x.ts",
        "vitest.config.ts",
        "docs/d.ts",
        "src/generated/g.ts",
    ]
    tests = {"src/a.spec.ts": VITEST, "src/__fixtures__/f.ts": SOURCE}
    plan = detected(write({"package.json": {"name": "x"}, **dict.fromkeys(names, SOURCE), **tests}))
    left = [*plan.get("test.globs"), *plan.get("test.protected_globs"), *plan.get("exclude_globs")]
    broken = [name for name in [*names, *tests] if globs.matches(name, plan.get("source_globs"))]
    assert [name for name in broken if not globs.matches(name, left)] == ["src/a.ts", "src/b/c.tsx"]


def test_globs_of_tests_take_in_no_helper() -> None:
    tests = ["test/a.ts", "test/b.ts"]
    assert test_files.to_globs(tests, ["test/util.ts"]) == ["test/a.ts", "test/b.ts"]
    assert test_files.to_globs(tests, ["src/a.ts"]) == ["test/**/*.ts"]
    inside = ["pkg/src/a.spec.ts", "pkg/src/b/c.spec.ts"]
    assert test_files.to_globs(inside, ["pkg/src/a.ts"], "pkg") == ["pkg/src/**/*.spec.ts"]


def test_a_file_that_others_call_for_its_tests_is_none(write: Write) -> None:
    helper = 'export function runTests(): void {\n  describe("x", () => { it("y", () => {}); });\n}\n'
    assert test_files.find(write({"src/adapter-tests.ts": helper, "src/a.test.ts": VITEST}), ".") == {
        "src/a.test.ts": "vitest"
    }


MONOREPO = {
    "package.json": {"name": "root", "private": True, "workspaces": ["packages/*"]},
    "packages/core/package.json": {"name": "@x/core", "dependencies": {"@x/util": "workspace:*"}},
    "packages/core/src/index.ts": SOURCE,
    "packages/core/src/a.test.ts": VITEST,
    "packages/core/src/b.test.ts": VITEST,
    "packages/util/package.json": {"name": "@x/util", "scripts": {"build": "tsc"}, "dependencies": {"@x/base": "*"}},
    "packages/util/src/index.ts": SOURCE,
    "packages/util/src/a.test.ts": VITEST,
    "packages/base/package.json": {"name": "@x/base", "scripts": {"build": "tsc"}},
}


def test_the_package_with_most_tests_is_chosen_of_a_monorepo(write: Write) -> None:
    plan = detected(write(MONOREPO))
    assert plan.get("test.folder") == "packages/core"
    assert "packages/util (@x/util, 1 test files)" in plan.reasons["test.folder"]
    assert plan.get("test.globs") == ["packages/core/src/**/*.test.ts"]
    assert plan.get("source_globs") == ["packages/core/src/**/*.ts"]
    assert plan.get("test.command") == ["../../node_modules/.bin/vitest", "run"]


@pytest.mark.parametrize("wanted", ["packages/util", "@x/util"])
def test_a_package_may_be_named_by_folder_or_name(write: Write, wanted: str) -> None:
    assert detected(write(MONOREPO), package=wanted).get("test.folder") == "packages/util"
    with pytest.raises(InputError, match=r"--package 'none': no such package; with tests are: packages/core"):
        detected(Tree(write(MONOREPO).root), package="none")


def test_siblings_are_built_in_the_order_of_their_needs(write: Write) -> None:
    tree = write(MONOREPO)
    assert packages.siblings(tree, "packages/core") == ["packages/base", "packages/util"]
    built = packages.building(tree, "packages/core", {"name": "pnpm"})
    assert built == [["pnpm", "--filter", "@x/base", "run", "build"], ["pnpm", "--filter", "@x/util", "run", "build"]]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"package.json": {"name": "x"}, "src/index.ts": SOURCE}, "no test file was found (2 files, 1 of TypeScript)"),
        ({"readme.md": "x"}, "the tree has no package.json"),
        (
            {
                "package.json": {"name": "x"},
                "src/index.ts": SOURCE,
                "src/a.test.ts": 'import { test } from "bun:test";\ntest("x", () => {});',
            },
            "1 test files were found, written for bun; the runners that can be read are vitest",
        ),
        ({"package.json": {"name": "x"}, "test/a.test.ts": VITEST}, "has 1 test files and no TypeScript of its own"),
    ],
)
def test_what_cannot_be_handled_is_said_at_once(write: Write, files: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        detected(write(files))
    assert said in str(raised.value)


def test_imports_are_read_from_the_text() -> None:
    text = """
import a, { b } from "one";
import type { C } from "types-only";
import "@scope/two/deep";
export * from './three.js';
const d = require('four'); // import "comment"
vi.mock("five");
const e = await import("node:fs");
import {
  f,
} from "six";
"""
    found = imports.of_text(text)
    assert found == ["one", "@scope/two/deep", "./three.js", "four", "five", "node:fs", "six"]
    assert [imports.package_of(name) for name in [*found, "fs/promises", "#alias", "~/x", "@/y"]] == [
        *("one", "@scope/two", None, "four", "five", None, "six"),
        *(None, None, None, None),
    ]


def test_json_with_comments_is_read_and_nothing_else_trips(write: Write) -> None:
    assert reading.parse_jsonc('{"a": "// no /* comment", /* x */ "b": [1, 2,], // y\n}') == {
        "a": "// no /* comment",
        "b": [1, 2],
    }
    tree = write({"package.json": "{broken", "bad.yaml": "a: [", "list.json": "[1]"})
    assert (tree.package("."), tree.yaml("bad.yaml"), tree.json("list.json"), tree.text("none")) == ({}, {}, {}, "")


def test_sources_of_many_folders_are_one_glob(write: Write) -> None:
    tree = write({f"{name}/src/{name}.ts": SOURCE for name in ("zod", "yup", "joi", "io-ts")})
    assert source_files.to_globs(tree, ".", []) == ["*/src/**/*.ts"]


def test_links_that_lead_out_and_pointers_of_lfs_are_taken_out(write: Write) -> None:
    tree = write({"package.json": {"name": "x"}, "src/index.ts": SOURCE, "src/a.spec.ts": VITEST})
    (tree.root / "out.ts").symlink_to("../secret.ts")
    (tree.root / "big.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert detected(Tree(tree.root)).get("remove") == ["out.ts", "big.bin"]
