"""The commands of the guides that measure, with small numbers in them: that they work, not what they measure."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import guide_runs
import guides
import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
SMALL = {
    "--instances 10 1000 10000 100000": "--instances 10 --runs 1",
    "--instances 10000 --shards 10 100 1000": "--instances 20 --shards 10 --runs 1",
    "--instances 100 --repos 10 100 --shards 10": "--instances 5 --repos 2 --shards 2 --runs 1",
    "--package NAME --candidates 100 --audit 40": "--package css-what --candidates 3 --audit 1",
    "--confirm 12": "--confirm 1",
    "FOLDER": "built",
    "FILE": "table.md",
    "redactions.py src": "redactions.py scripts",
    "--docker node:24-bookworm-slim": "",
    "--instances 4 --workers 20 --rounds 3 --turns 5": "--instances 2 --workers 2 --rounds 1 --turns 1",
    "bug_yield.py --per-operator 6": "bug_yield.py css-what --per-operator 1 --folder yields --output table.md",
    "packages.py --bugs 2": "packages.py css-what --bugs 1 --folder packages --output table.md",
}
"""Numbers of the guides, and those that take seconds; what a machine of tests has not is left out."""
LEFT_OUT = {
    "scaling_model.py --check": "compares times, and ends with an error where other work lengthens them",
    "conversion.py": "wants SWE-smith with all its packages; tests/unit/test_sft_conversion.py compares the rows",
    "--sweagent": "wants a checkout of SWE-agent, as `make sweagent` does",
    "stryker.py": "installs Stryker into a sandbox and runs it twice, three minutes with the least of numbers",
    "chaos/run.py": "is what `make chaos` calls, and tests/chaos/test_faults.py plays its kinds",
    "--package zod": "takes the same way as another package, for a quarter of an hour",
}


def measuring() -> Iterator[str]:
    """Yield the commands that measure, each kind once, as lines of a shell; commands of a kind have the same flags."""
    seen = set()
    for block in [*guides.blocks(), *guides.inline()]:
        if block.language not in ("sh", "inline"):
            continue
        for words in guides.commands(block.text):
            line = shlex.join(words)
            kind = (words[0], frozenset(word for word in words[1:] if word.startswith("--") or word == "chaos"))
            measures = words[0].startswith("benchmarks/") or "chaos" in line
            if measures and kind not in seen and not any(text in line for text in LEFT_OUT):
                seen.add(kind)
                yield line


def test_all_numbers_are_in_a_command() -> None:
    lines = [*measuring()]
    assert [number for number in SMALL if not any(number in line for line in lines)] == []


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a clone, which all of them use."""
    folder = tmp_path_factory.mktemp("clone")
    guide_runs.link_clone(folder)
    for name in ("benchmarks", "tests"):
        (folder / name).symlink_to(workflows.ROOT / name)
    (folder / "tmp").mkdir()
    return folder


@pytest.mark.parametrize("line", [*measuring()])
def test_it_works_with_small_numbers(line: str, measured: Path) -> None:
    (measured / "table.md").unlink(missing_ok=True)
    assert guide_runs.run(measured, line, SMALL, COUNT="1") or (measured / "table.md").exists()
