"""What is compressed of a finished line is done all the same, and Snakemake's own logs do not pile up."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pair
import workflows
from tracesmith import files
from tracesmith.preflight import concurrency

pytestmark = pytest.mark.sandbox

ROWS, PAGE = pair.ORACLE.rows, f"reports/{pair.ORACLE.run}.html"
FORCED = ("build_environment", "validate_bugs", "confirm_bugs", "gather_instances", "write_issues")
VALIDATION, _, EVALUATION, _ = pair.ORACLE.stores
ENVIRONMENT = f"logs/build_images/{pair.REPO}"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the line of the smallest package was run once."""
    folder = tmp_path_factory.mktemp("pair") / "folder"
    pair.make_folder(folder)
    done = workflows.snakemake(folder, ROWS, PAGE)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def line(finished: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    workflows.copy_folder(finished, tmp_path / "folder")
    return tmp_path / "folder"


def pack(folder: Path) -> list[Path]:
    """Compress every output of a line, however short, and return where they stood."""
    outputs = sorted(folder.glob("logs/**/test_output*.txt"))
    script = workflows.SCRIPTS / "pack_logs.py"
    stores = [folder / store for store in (VALIDATION, EVALUATION, ENVIRONMENT)]
    subprocess.run([sys.executable, script, *stores, "--over", "1"], check=True, capture_output=True)
    return outputs


def old_log(folder: Path, name: str, days: int) -> Path:
    path = folder / ".snakemake" / "log" / name
    path.write_text("Finished jobid: 1\n")
    os.utime(path, (time.time() - days * 86_400,) * 2)
    return path


def test_nothing_is_done_again_for_what_is_packed_and_the_results_are_the_same_bytes(
    line: Path, finished: Path
) -> None:
    stores = [line / store for store in (*pair.ORACLE.stores, f"{ENVIRONMENT}/reference", ENVIRONMENT)]
    before, outputs = workflows.finished_entries(stores), pack(line)
    assert {path.parent.parent.name for path in outputs} >= {pair.REPO, "confirmation", "reference", pair.ORACLE.run}
    assert workflows.planned(line, ROWS, PAGE) == set()
    done = workflows.snakemake(line, ROWS, PAGE, "--forcerun", *FORCED)
    assert done.returncode == 0, done.stdout
    assert all(f"rule {name}:" in done.stdout for name in FORCED)
    assert workflows.finished_entries(stores) == before
    workflows.check_final(pair.ORACLE, line, finished)
    assert sorted(line.glob("logs/**/test_output*")) == [path.with_name(f"{path.name}.gz") for path in outputs]


def test_logs_of_earlier_runs_are_compressed_and_old_ones_removed(line: Path) -> None:
    earlier, oldest = old_log(line, "earlier.snakemake.log", 2), old_log(line, "oldest.snakemake.log", 31)
    this_month = set((line / ".snakemake" / "log").iterdir()) - {earlier, oldest}
    workflows.forget(line, [ROWS])
    assert workflows.snakemake(line, ROWS).returncode == 0
    left = set((line / ".snakemake" / "log").iterdir()) - this_month
    assert {path.name for path in left if "earlier" in path.name or "oldest" in path.name} == {f"{earlier.name}.gz"}
    assert len([path for path in left if path.suffix == ".log"]) == 1, "its own"


def test_logs_stay_where_another_run_is_alive_in_the_folder(line: Path) -> None:
    earlier = old_log(line, "earlier.snakemake.log", 2)
    workflows.forget(line, [ROWS])
    with concurrency.hold(line / ".snakemake" / "tracesmith.lock", {"other"}, set()):
        assert workflows.snakemake(line, ROWS).returncode == 0
    assert earlier.is_file()


def test_logs_that_cannot_be_compressed_are_a_warning(line: Path) -> None:
    earlier = old_log(line, "earlier.snakemake.log", 2)
    folder = files.packed(earlier)
    folder.mkdir()
    workflows.forget(line, [ROWS])
    done = workflows.snakemake(line, ROWS)
    assert done.returncode == 0, done.stdout
    assert "WARNING: old logs of Snakemake stay as they are: " in done.stdout
    assert "Traceback" not in done.stdout
    assert earlier.is_file()
