"""The tiny TypeScript package of tests/data/tiny and its environment: real vitest, suites of a second."""

import subprocess
import sys
from pathlib import Path

import yaml

from tracesmith.environments import sources

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "tests" / "data" / "tiny"
REPO = sources.repo_name(str(SOURCE))
FIXED = "start <= last.end"
BUG = f"""--- a/src/intervals.ts
+++ b/src/intervals.ts
@@ -11,3 +11,3 @@
     const last = merged[merged.length - 1];
-    if (last !== undefined && {FIXED}) {{
+    if (last !== undefined && start < last.end) {{
       last.end = Math.max(last.end, end);
"""
"""A bug that fails one test: src/intervals.spec.ts > merge > joins intervals that touch."""
REPAIR = BUG.replace(FIXED, "?").replace("start < last.end", FIXED).replace("?", "start < last.end")
"""The patch that repairs it."""
PROFILE = {
    "name": "TinyProfile",
    "source": str(SOURCE),
    "node": "24",
    "test": {
        "runner": "vitest",
        "command": ["node_modules/.bin/vitest", "run"],
        "globs": ["src/**/*.spec.ts"],
        "protected_globs": ["package.json", "tsconfig.json", "vitest.config.*", "src/__fixtures__/**"],
    },
    "source_globs": ["src/**/*.ts"],
}


def repo_name() -> str:
    """Return the package's repo_name, `local__tiny.<hash8>`."""
    return REPO


def write_profile(folder: Path) -> Path:
    """Write the package's profile, tiny.yaml, into a folder and return its path."""
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(PROFILE, sort_keys=False))
    return path


def build(folder: Path, backend: str = "bubblewrap") -> Path:
    """Build the package's environment for a backend below a folder, as a user does, and return environment.json."""
    return build_profile(write_profile(folder), folder / REPO / "environment.json", backend)


def build_profile(profile: Path, output: Path, backend: str = "bubblewrap") -> Path:
    """Build the environment of a small package for a backend, as a user does, and return environment.json."""
    script = REPOSITORY / "scripts" / "build_environment.py"
    command = [sys.executable, script, profile, "--backend", backend, "--output", output]
    limits = ["--memory", "2g", "--disk", "500m"]
    done = subprocess.run([*command, *limits], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output
