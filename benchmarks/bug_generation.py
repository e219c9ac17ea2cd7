#!/usr/bin/env python3
"""
Measure how many valid candidates a CPU second makes on zod's sources, and compare with SWE-smith 0.0.9 in one run.

    benchmarks/bug_generation.py --runs 5

zod comes from npm, SWE-smith from PyPI, into a folder that is removed again (`--keep FOLDER` keeps it for next time).
Each measurement is a process of its own, ours and SWE-smith's by turns. Ours is reading, editing, the parse check,
duplicates and patches; SWE-smith's is reading, editing and patches: its candidates are parsed after the clock has
stopped. Then the memory for the same sources once, twice and four times.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
ZOD = "zod@4.6.7"
PEER = (
    *("swesmith==0.0.9", "astor==0.8.1", "libcst==1.9.0", "python-dotenv==1.2.4", "pyyaml==6.0.3"),
    *("tree-sitter==0.26.1", "tree-sitter-c==0.24.2", "tree-sitter-c-sharp==0.23.5", "tree-sitter-cpp==0.23.4"),
    *("tree-sitter-go==0.25.0", "tree-sitter-java==0.23.5", "tree-sitter-javascript==0.25.0"),
    *("tree-sitter-php==0.25.1", "tree-sitter-python==0.25.0", "tree-sitter-ruby==0.23.1", "tree-sitter-rust==0.24.2"),
    "tree-sitter-typescript==0.23.2",
)
EXCLUDED = ["**/tests/**", "**/benchmarks/**"]
POOL = 20_000
"""max_candidates of config.yaml."""


def fetch(folder: Path) -> None:
    """Bring zod and SWE-smith into a folder."""
    if not (folder / "zod").is_dir():
        packed = subprocess.run(
            ["npm", "pack", "--silent", ZOD], cwd=folder, check=True, capture_output=True, text=True
        )
        (folder / "zod").mkdir()
        command = ["tar", "-xzf", packed.stdout.strip(), "-C", "zod", "--strip-components=1"]
        subprocess.run(command, cwd=folder, check=True)
    if not (folder / "peer").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", "peer", *PEER]
        subprocess.run(command, cwd=folder, check=True)


def ours(source: Path, pool: int | None = None) -> dict[str, float]:
    """Make all candidates of ours and return what it cost."""
    from tracesmith.bugs import harvesting, sources  # noqa: PLC0415  the clock starts with the work

    started = time.process_time()
    files = sources.read_folder(source, ["src/**/*.ts"], EXCLUDED).files
    limits = harvesting.Limits(max_candidates=pool)
    made = harvesting.harvest("colinhacks__zod.00000001", files, limits)
    dropped = made.funnel.dropped["over_max_candidates"]
    return _result(started, len(made.candidates) + dropped, len(made.candidates) + dropped)


def swesmith(source: Path) -> dict[str, float]:
    """Make all candidates of SWE-smith and return what it cost; they are parsed afterwards."""
    sys.path.insert(0, str(source.parent / "peer"))
    from swesmith.bug_gen import utils  # noqa: PLC0415
    from swesmith.bug_gen.adapters.typescript import get_entities_from_file_ts  # noqa: PLC0415
    from swesmith.bug_gen.procedural import MAP_EXT_TO_MODIFIERS  # noqa: PLC0415

    from tracesmith import globs  # noqa: PLC0415

    paths = [path for path in sorted(source.glob("src/**/*.ts")) if not path.name.endswith(".d.ts")]
    paths = [path for path in paths if not globs.matches(path.relative_to(source).as_posix(), EXCLUDED)]
    made, entities = [], []
    started = time.process_time()
    for path in paths:
        get_entities_from_file_ts(entities, str(path), -1)
    for modifier in MAP_EXT_TO_MODIFIERS[".ts"]:
        for entity in filter(modifier.can_change, entities):
            bug = modifier.modify(entity)
            if bug and utils.generate_patch_fast(entity, bug, str(source)):
                made.append((entity, bug))
    found = _result(started, len(made), 0)
    return {**found, "valid": sum(_parses(utils, entity, bug) for entity, bug in made)}


def _parses(utils: Any, entity: Any, bug: Any) -> bool:
    """Tell whether a file with a bug of SWE-smith parses as TypeScript; SWE-smith itself puts the bug into it."""
    from tracesmith.bugs import sources  # noqa: PLC0415

    path = Path(entity.file_path)
    before = path.read_bytes()
    utils.apply_code_change(entity, bug)
    after = path.read_bytes()
    path.write_bytes(before)
    return sources.parse(path.name, after) is not None


def _result(started: float, made: int, valid: int) -> dict[str, float]:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": time.process_time() - started, "made": made, "valid": valid, "memory_mb": memory}


def measured(folder: Path, what: str, source: str = "zod") -> dict[str, float]:
    """Return what one measurement in a process of its own says."""
    command = [sys.executable, "-W", "ignore", __file__, "--measure", what, str(folder / source)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(folder: Path, runs: int) -> None:
    """Print the medians and their ratio."""
    rates: dict[str, list[float]] = {"ours": [], "swesmith": []}
    for _ in range(runs):
        for what, found in rates.items():
            one = measured(folder, what)
            found.append(one["valid"] / one["cpu_s"])
            say(f"{what}: {one['valid']} valid of {one['made']} in {one['cpu_s']:.2f} CPU s, {one['memory_mb']:.0f} MB")
    middle = {what: statistics.median(found) for what, found in rates.items()}
    say(f"median: {middle['ours']:.0f} and {middle['swesmith']:.0f} valid candidates a CPU second ({runs} runs)")
    say(f"ratio: {middle['ours'] / middle['swesmith']:.1f}")


def grow(folder: Path) -> None:
    """Print the memory for more and more of the same sources."""
    for times in (1, 2, 4):
        shutil.rmtree(folder / "grown", ignore_errors=True)
        for number in range(times):
            shutil.copytree(folder / "zod" / "src", folder / "grown" / "src" / f"copy{number}")
        one = measured(folder, "pooled", "grown")
        say(f"{times} x zod: {one['valid']} valid candidates, a pool of {POOL}: {one['memory_mb']:.0f} MB")
    shutil.rmtree(folder / "grown")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Fetch what is compared, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="folder for zod and SWE-smith; default: one that is removed again")
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        what, source = args.measure[0], Path(args.measure[1])
        kinds = {"ours": ours, "swesmith": swesmith, "pooled": lambda folder: ours(folder, POOL)}
        say(json.dumps(kinds[what](source)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (args.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        fetch(folder)
        compare(folder, args.runs)
        grow(folder)


if __name__ == "__main__":
    main()
