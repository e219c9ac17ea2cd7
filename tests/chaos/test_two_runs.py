"""Two runs at once: in one folder, and from two folders on one Docker engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import pair
import workflows

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the line was run."""
    folder = tmp_path_factory.mktemp("pair") / "folder"
    pair.make_folder(folder)
    done = workflows.snakemake(folder, pair.ORACLE.rows)
    assert done.returncode == 0, done.stdout
    return folder


def entries(folder: Path) -> workflows.Entries:
    return workflows.finished_entries([folder / store for store in pair.ORACLE.stores])


def test_a_second_run_in_a_folder_is_refused_and_harms_nothing(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    pair.make_folder(folder)
    first = workflows.start(folder, pair.ORACLE.rows)
    workflows.wait_for(lambda: len(entries(folder)) > 0 or first.poll() is not None)
    with workflows.frozen(first):
        second = workflows.snakemake(folder, pair.ORACLE.rows)
    assert second.returncode == 1, second.stdout
    refusals = [line for line in second.stdout.splitlines() if line.startswith("error: ")]
    assert len(refusals) == 1, second.stdout
    assert "another run in this folder makes or reads it" in refusals[0]
    assert "Traceback" not in second.stdout
    assert first.wait(300) == 0, (folder / "out.log").read_text()
    workflows.check_final(pair.ORACLE, folder, finished)
    workflows.check_whole(pair.ORACLE, folder, finished, entries(folder))


def test_a_second_run_that_makes_other_files_goes_on_beside_the_first(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    workflows.copy_folder(finished, folder)
    workflows.forget(folder, [pair.ORACLE.stores[2], pair.ORACLE.rows])
    first = workflows.start(folder, pair.ORACLE.rows)
    workflows.wait_for(lambda: (folder / pair.ORACLE.stores[2]).exists() or first.poll() is not None)
    bugs = f"logs/bug_gen/{pair.REPO}/procedural.json"
    with workflows.frozen(first):
        workflows.forget(folder, [bugs])
        second = workflows.snakemake(folder, bugs)
    assert second.returncode == 0, second.stdout
    assert first.wait(300) == 0, (folder / "out.log").read_text()
    workflows.check_final(pair.ORACLE, folder, finished)


@pytest.fixture
def two_folders(tmp_path: Path) -> Iterator[list[Path]]:
    """Two folders whose lines use the same Docker engine."""
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        pair.make_folder(folder, "docker")
    yield folders
    workflows.wait_for_no_dead_containers()


@pytest.mark.docker
def test_two_folders_share_a_docker_engine(two_folders: list[Path], finished: Path) -> None:
    runs = [workflows.start(folder, pair.ORACLE.rows) for folder in two_folders]
    assert [run.wait(600) for run in runs] == [0, 0]
    for folder in two_folders:
        workflows.check_whole(pair.ORACLE, folder, finished, entries(folder))
