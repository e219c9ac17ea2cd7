"""A repository nobody has seen, as docs/repositories.md has it: its commands, one after the other, as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
GUIDE = (workflows.ROOT / "docs" / "repositories.md").read_text()


def blocks(kind: str) -> list[str]:
    """Return the blocks of one language of the guide."""
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", GUIDE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a clone, in which all commands of the guide have been run."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("Snakefile", "config.yaml", "configs", "profiles", "rules", "schemas", "scripts"):
        (folder / name).symlink_to(workflows.ROOT / name)
    (folder / "mine.yaml").write_text(blocks("yaml")[0])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in blocks("sh"):
        command = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    return folder


def environment(path: Path) -> dict[str, Any]:
    """Return an environment without what names its making."""
    found: dict[str, Any] = json.loads(path.read_text())
    found.pop("made_by")
    return found


def test_a_source_alone_becomes_an_environment_that_passed_the_gate(folder: Path) -> None:
    found = environment(folder / "logs" / "build_images" / "wry__trie.v0.5.0" / "environment.json")
    assert found["test"]["runner"] == "mocha"
    assert (found["gate"]["runs"], found["gate"]["passed"], found["gate"]["flaky"]) == (3, 13, [])


def test_the_scripts_make_the_same_by_hand(folder: Path) -> None:
    by_hand, planned = folder / "trie", folder / "logs" / "build_images" / "wry__trie.v0.5.0"
    profile = (folder / "trie.yaml").read_bytes()
    assert profile == (folder / "logs" / "profiles" / "wry__trie.v0.5.0.yaml").read_bytes()
    assert environment(by_hand / "environment.json") == environment(planned / "environment.json")
