"""For suites that load the build output themselves: the sources are compiled when the tests start, types unchecked."""

import json
import re
from typing import Any

NAME = "compile.cjs"
HOOK = """\
// Compiles {root}/ to {out}/ without checking types, in the process that starts the tests and in no other.
const fs = require("node:fs");
const path = require("node:path");
const {{ isMainThread }} = require("node:worker_threads");

if (isMainThread && !process.env.TRACESMITH_COMPILED) {{
  process.env.TRACESMITH_COMPILED = "1";
  const ts = require("typescript");
  const {{ options }} = ts.convertCompilerOptionsFromJson({options}, __dirname);
  for (const name of fs.readdirSync(path.join(__dirname, "{root}"), {{ recursive: true }})) {{
    if (!/(?<!\\.d)\\.[cm]?tsx?$/.test(name)) continue;
    const fileName = path.join(__dirname, "{root}", name);
    const source = fs.readFileSync(fileName, "utf8");
    const {{ outputText }} = ts.transpileModule(source, {{ fileName, compilerOptions: options }});
    const output = path.join(__dirname, "{out}", name.replace(/\\.([cm]?)tsx?$/, ".$1js"));
    fs.mkdirSync(path.dirname(output), {{ recursive: true }});
    fs.writeFileSync(output, outputText);
  }}
}}
"""


def hook(root: str, out: str, options: dict[str, Any]) -> str:
    """Return the module that compiles a folder into another before the first test file is loaded."""
    kept = {key: value for key, value in options.items() if key not in ("noEmit", "isolatedModules")}
    return HOOK.format(root=root, out=out, options=json.dumps(kept))


def options(own: dict[str, Any], *, is_module: bool) -> dict[str, Any]:
    """Return the compiler options of the hook: ES modules only where package.json says so."""
    kind = (
        {"module": "esnext", "moduleResolution": "bundler"}
        if is_module
        else {"module": "commonjs", "moduleResolution": "node"}
    )
    return {**own, **kind}


def command(words: list[str]) -> list[str]:
    """Return a test command that loads the hook first; node and mocha have the same option."""
    return [words[0], "--require", f"./{NAME}", *words[1:]]


def to_output(entries: dict[str, Any], root: str, out: str) -> dict[str, Any]:
    """Return entry points that lead to sources as ones that lead to what is compiled from them."""
    text = json.dumps(entries)
    turned = re.sub(rf'"\./{root}/([^"]*?)\.([cm]?)tsx?"', rf'"./{out}/\1.\2js"', text)
    found: dict[str, Any] = json.loads(turned)
    return found
