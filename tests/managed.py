"""A small workspace of two packages for each package manager, with one dependency from the registry."""

import json
from pathlib import Path
from typing import Any

import yaml

from tracesmith.environments import profiles
from tracesmith.environments.profiles import Profile

MANAGERS = {
    "npm": ("npm", None),
    "pnpm-9": ("pnpm", "9.15.9"),
    "pnpm-10": ("pnpm", "10.20.0"),
    "yarn-classic": ("yarn", "1.22.22"),
    "yarn-berry": ("yarn", "4.9.1"),
    "bun": ("bun", "1.3.1"),
}
LOCKFILES = {"npm": "package-lock.json", "pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock", "bun": "bun.lock"}
OTHER_VERSIONS = {"npm": "10.0.0", "pnpm": "8.6.0", "yarn": "3.6.0", "bun": "1.0.0"}
"""What package.json names: the profile decides."""
SUITE = """
import assert from "node:assert";
import { it } from "node:test";
import { seconds } from "./seconds.ts";

it("reads seconds", () => assert.equal(seconds("2s"), 2));
it("reads minutes", () => assert.equal(seconds("1m"), 60));
"""
CODE = """
import ms from "ms";
import { divide } from "@managed/divide";

export function seconds(text: string): number {
  return divide(ms(text), 1000);
}
"""


def write(folder: Path, manager: str) -> Path:
    """Write the workspace into a folder and return the folder."""
    name = MANAGERS[manager][0]
    sibling = "workspace:*" if name == "pnpm" else "*"
    core = {"name": "@managed/core", "version": "1.0.0", "type": "module"}
    divide = {"name": "@managed/divide", "version": "1.0.0", "type": "module", "main": "index.js", "bin": "cli.js"}
    needs = {"ms": "^2.1.0", "@managed/divide": sibling}
    root: dict[str, Any] = {"name": "managed", "private": True, "version": "1.0.0", "workspaces": ["packages/*"]}
    root["packageManager"] = f"{name}@{OTHER_VERSIONS[name]}"
    files = {
        "package.json": json.dumps(root),
        ".npmrc": "package-lock=false\n",
        "packages/core/package.json": json.dumps({**core, "dependencies": needs}),
        "packages/core/src/seconds.ts": CODE,
        "packages/core/src/seconds.spec.ts": SUITE,
        "packages/divide/package.json": json.dumps(divide),
        "packages/divide/cli.js": "#!/usr/bin/env node\nconsole.log('divide');\n",
        "packages/divide/index.js": "export const divide = (a, b) => a / b;\n",
        **({"pnpm-workspace.yaml": 'packages: ["packages/*"]\n'} if name == "pnpm" else {}),
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def profile(folder: Path, source: Path, manager: str, **changes: Any) -> Profile:
    """Write the workspace's profile into a folder and return it."""
    name, version = MANAGERS[manager]
    chosen = {"name": name, **({"version": version} if version else {})}
    value = {
        "name": "ManagedProfile",
        "source": str(source),
        "node": "24",
        "package_manager": chosen,
        "test": {
            "runner": "node_test",
            "command": ["node", "--test", "src/*.spec.ts"],
            "folder": "packages/core",
            "globs": ["packages/*/src/**/*.spec.ts"],
        },
        "source_globs": ["packages/core/src/**/*.ts"],
        **changes,
    }
    path = folder / "managed.yaml"
    path.write_text(yaml.safe_dump(value))
    return profiles.read(path)
