"""The files that write_issues reads in its modes with a model: instances of the tiny package and all around them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiny
from llm_server import ModelServer
from tracesmith.issues import writing
from tracesmith.llm.settings import Settings
from tracesmith.pool import Share

SCRIPT = tiny.REPOSITORY / "scripts" / "write_issues.py"
LINE = tiny.REPOSITORY / "tests" / "data" / "line" / "logs" / "build_images" / "npm__css-what.v8.0.0"
FAILING = "src/intervals.spec.ts > merge > joins intervals that touch"
MODEL = "openai/unheard-of"
PROMPT = """settings: {max_var_tokens: 1000}
system: You write issues.
demonstration: "{% for text in demo_problem_statements | shuffle %}{{ text }}{% endfor %}"
instance: "{{ instance_id }} {{ patch }} {{ test_output }} {{ test_funcs | shuffle | join }}"
"""


@dataclass
class Files:
    """A folder with all that the script needs."""

    folder: Path
    server: ModelServer
    environment: Path

    @property
    def instances(self) -> Path:
        """Return the file of the instances."""
        return self.folder / "instances.json"

    def output(self, mode: str = "llm") -> Path:
        """Return where the summary is written."""
        return self.folder / "issue_gen" / f"{tiny.REPO}__{mode}.json"

    def stored(self, name: str) -> dict[str, Any]:
        """Return what is kept of an instance's calls."""
        found: dict[str, Any] = json.loads(
            (self.folder / "issue_gen" / tiny.REPO / f"{tiny.REPO}.{name}.json").read_text()
        )
        return found

    def command(self, *flags: str | Path, mode: str = "llm") -> list[str]:
        """Return the script's command line."""
        words: list[str | Path] = [self.instances, "--mode", mode, "--validation", self.folder / "validation"]
        words += ["--environment", self.environment, "--prompt", self.folder / "prompt.yaml"]
        words += ["--demonstrations", self.folder / "demonstrations.yaml", "--model", MODEL]
        words += ["--api-base", f"{self.server.url}/v1", "--price", "0", "100", "--answers", self.folder / "llm"]
        return [sys.executable, str(SCRIPT), *map(str, words), "--output", str(self.output(mode)), *map(str, flags)]

    def run(self, *flags: str | Path, mode: str = "llm") -> subprocess.CompletedProcess[str]:
        """Run the script as a user does."""
        return subprocess.run(self.command(*flags, mode=mode), capture_output=True, text=True, check=False, timeout=300)

    def write(
        self,
        mode: str = "llm",
        calls: int = 4,
        answers: str = "llm",
        attempts: int = 8,
        shard: tuple[int, int] | None = None,
    ) -> None:
        """Do what the script does, in this process."""

        def settings(stage: str, model: str | None) -> Settings:
            folder, base = self.folder / answers, f"{self.server.url}/v1"
            return Settings(MODEL, folder, base, workers=calls, price=(0.0, 100.0), attempts=attempts)

        files = (self.folder / "validation", self.environment)
        texts = (self.folder / "prompt.yaml", self.folder / "demonstrations.yaml")
        writing.write(
            self.instances, writing.Plan(mode, 24, Share(1, shard), *files, *texts), settings, self.output(mode)
        )

    def summary(self, mode: str = "llm") -> dict[str, Any]:
        """Return what the script wrote."""
        found: dict[str, Any] = json.loads(self.output(mode).read_text())
        return found


def write(folder: Path, server: ModelServer, names: list[str], environment: Path | None = None) -> Files:
    """Write the files for instances of these names; each has the tiny package's bug."""
    rows = [instance(name) for name in names]
    (folder / "instances.json").write_text(json.dumps(rows))
    for row in rows:
        place = folder / "validation" / row["instance_id"]
        place.mkdir(parents=True)
        (place / "test_output.txt").write_text("AssertionError: expected [ 2 intervals ] to be [ 1 interval ]")
    (folder / "prompt.yaml").write_text(PROMPT)
    (folder / "demonstrations.yaml").write_text("- one\n- two\n- three\n")
    return Files(folder, server, environment or write_environment(folder / "environment"))


def instance(name: str) -> dict[str, Any]:
    """Return an instance of the tiny package with its bug."""
    return {
        "instance_id": f"{tiny.REPO}.{name}",
        "patch": tiny.BUG,
        "FAIL_TO_PASS": [FAILING],
        "PASS_TO_PASS": ["src/intervals.spec.ts > merge > sorts"],
        "image_name": "swebench/swesmith.x86_64.local_1776_tiny",
        "repo": f"swesmith/{tiny.REPO}",
        "tracesmith": {"strategy": name, "hidden_tests": ["src/intervals.spec.ts"]},
    }


def write_environment(folder: Path) -> Path:
    """Write the environment of the tiny package, good for all but sandboxes."""
    for name in ("mirror.git", "tree"):
        (folder / name).mkdir(parents=True)
    value = json.loads((LINE / "environment.json").read_text())
    value |= {"repo": tiny.REPO, "source": str(tiny.SOURCE), "mirror": "mirror.git", "tree": "tree"}
    (folder / "environment.json").write_text(json.dumps(value))
    return folder / "environment.json"
