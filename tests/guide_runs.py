"""Run commands of the guides as they stand, with names of a test's own in the place of theirs."""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import guides
import workflows

FENCED = re.compile(r"(?ms)^```sh\n(.*?)^```$")
CLONE = (
    ".venv",
    "Makefile",
    "Snakefile",
    "config.yaml",
    "configs",
    "envs",
    "profiles",
    "report",
    "rules",
    "schemas",
    "scripts",
)


def make_a_clone(folder: Path) -> None:
    """Let a test's folder have what a clone has; its own configuration becomes mine.yaml."""
    (folder / "config.yaml").rename(folder / "mine.yaml")
    link_clone(folder)


def link_clone(folder: Path) -> None:
    """Let a folder have what a clone has, but for what it has itself."""
    for name in CLONE:
        if not (folder / name).exists():
            (folder / name).symlink_to(Path(sys.prefix) if name == ".venv" else workflows.ROOT / name)


def replaced(text: str, others: Mapping[str, str]) -> str:
    """Return a text with other names in it, which are put there in their order."""
    for name, other in others.items():
        text = text.replace(name, other)
    return text


def run(folder: Path, command: str, others: Mapping[str, str], **variables: str) -> str:
    """Run a command of a guide in a test's folder with other names in it, and return what it printed."""
    text = replaced(command, others)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**workflows.by_hand(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=600,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def fenced(guide: str, after: str = "") -> list[str]:
    """Return the blocks of commands that stand in fences after some words of a guide, a path from the root."""
    text = (workflows.ROOT / guide).read_text().partition(after or "\n")[2]
    found = FENCED.findall(text)
    assert found
    return found


def block(guide: str, beginning: str) -> str:
    """Return the one block of commands of a guide, a path from the root, that begins with some words."""
    found = [one.text for one in guides.blocks() if one.guide == workflows.ROOT / guide and one.language == "sh"]
    (text,) = (text for text in found if text.lstrip().startswith(beginning))
    return text


def run_guide(folder: Path, guide: str, others: Mapping[str, str], after: str = "") -> None:
    """Run the commands of a page that come after some words, block after block, with other names in them."""
    for block in fenced(f"docs/{guide}", after):
        run(folder, block, others)


def examples() -> dict[str, list[str]]:
    """Return the commands that the reference shows of each script."""
    text = (workflows.ROOT / "docs" / "reference" / "scripts.md").read_text()
    sections = dict(re.findall(r"(?ms)^## (\w+)\n(.*?)(?=^## |\Z)", text))
    return {name: FENCED.findall(section) for name, section in sections.items()}


def run_examples(folder: Path, names: Iterable[str], others: Mapping[str, str], **variables: str) -> None:
    """Run what the reference shows of some scripts, one after the other."""
    shown = examples()
    for name in names:
        for command in shown[name]:
            run(folder, command, others, **variables)
