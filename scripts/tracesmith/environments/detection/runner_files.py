"""The configuration files that a published package leaves out: of the runner and of the compiler."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

VITEST_DEFAULT = re.compile(r"\.(test|spec)\.[cm]?[jt]sx?$")
JS_IMPORT = "^(\\.{1,2}/.*)\\.[cm]?js$"


@dataclass(frozen=True)
class Wanted:
    """What a runner's configuration has to say."""

    tests: Sequence[str]
    """Globs."""
    dom: bool = False
    globals: bool = False
    setup: Sequence[str] = ()
    conditions: Sequence[str] = ()
    compiler: dict[str, Any] = field(default_factory=dict)
    """Options of ts-jest's compiler."""
    all_esm: bool = False
    """Installed packages are translated as well: some are ES modules."""
    esm_imports: bool = False
    """Sources import files of TypeScript by names that end in .js."""


def vitest(wanted: Wanted) -> str:
    """Return vitest's configuration."""
    test: dict[str, Any] = {"include": list(wanted.tests)}
    if wanted.dom:
        test["environment"] = "jsdom"
    if wanted.globals:
        test["globals"] = True
    if wanted.setup:
        test["setupFiles"] = list(wanted.setup)
    resolve = f"  resolve: {{ conditions: {json.dumps(list(wanted.conditions))} }},\n" if wanted.conditions else ""
    head = 'import { defineConfig } from "vitest/config";\n\nexport default defineConfig({\n'
    return f"{head}{resolve}  test: {_js(test, 2)},\n}});\n"


def jest(wanted: Wanted, ts_jest: str | None, transform: dict[str, Any] | None = None) -> str:
    """Return jest's configuration, with ts-jest of a version, which checks no types; or with jest's own babel."""
    config: dict[str, Any] = {"testEnvironment": "jsdom" if wanted.dom else "node"}
    config["testMatch"] = [f"<rootDir>/{glob}" for glob in wanted.tests]
    if wanted.esm_imports:
        config["moduleNameMapper"] = {JS_IMPORT: "$1"}
    if wanted.setup:
        config["setupFilesAfterEnv"] = list(wanted.setup)
    if wanted.all_esm:
        config["transformIgnorePatterns"] = []
    if transform:
        config["transform"] = transform
    elif ts_jest:
        config |= with_ts_jest(ts_jest, wanted)
    return f"module.exports = {_js(config, 0)};\n"


def with_ts_jest(version: str, wanted: Wanted) -> dict[str, Any]:
    """Return the keys of jest's configuration for ts-jest: up to 28 its options are globals."""
    options = {"diagnostics": False, "isolatedModules": True, "tsconfig": wanted.compiler}
    pattern = "^.+\\.[cm]?[jt]sx?$" if wanted.compiler.get("allowJs") or wanted.all_esm else "^.+\\.[cm]?tsx?$"
    if wanted.all_esm:
        options["tsconfig"] = {**wanted.compiler, "allowJs": True}
    if int(version.split(".", maxsplit=1)[0]) < 29:
        return {"transform": {pattern: "ts-jest"}, "globals": {"ts-jest": options}}
    return {"transform": {pattern: ["ts-jest", options]}}


def mocha(tests: Sequence[str]) -> str:
    """Return mocha's configuration, with tsx, which checks no types."""
    return json.dumps({"spec": list(tests), "node-option": ["import=tsx"]}, indent=2) + "\n"


def compiler_options(
    runner: str, *, jsx: str | None, decorators: bool, native_fields: bool | None, js: bool
) -> dict[str, Any]:
    """Return the compiler options of a package that leaves its tsconfig.json out; types are not checked."""
    options: dict[str, Any] = {"target": "es2022", "module": "esnext", "moduleResolution": "bundler"}
    if runner == "jest":
        options = {"target": "es2019", "module": "commonjs", "moduleResolution": "node"}
    options |= {
        "esModuleInterop": True,
        "resolveJsonModule": True,
        "isolatedModules": True,
        "skipLibCheck": True,
        "noEmit": True,
    }
    if native_fields is False:
        options["useDefineForClassFields"] = False
    if decorators:
        options |= {"experimentalDecorators": True, "emitDecoratorMetadata": True}
    if jsx:
        options["jsx"] = jsx
    if js:
        options["allowJs"] = True
    return options


def tsconfig(options: dict[str, Any]) -> str:
    """Return tsconfig.json."""
    return json.dumps({"compilerOptions": options}, indent=2) + "\n"


def _js(value: Any, indent: int) -> str:
    """Return a value as JavaScript: JSON is enough."""
    return json.dumps(value, indent=2).replace("\n", "\n" + " " * indent)
