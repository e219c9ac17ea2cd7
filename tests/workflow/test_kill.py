"""A run that is killed, by `kill -9`, at any moment goes on with the same command, and does nothing twice."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import tiny
import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]

LINE = workflows.Line(tiny.REPO, "tiny-oracle")
VALIDATION, TRAJECTORIES, _, _ = LINE.stores
MADE = [*LINE.stores, *LINE.final]
CONFIRMATION = f"{VALIDATION}/confirmation.json"
_, DATASET, PREDICTIONS, REPORT, _, _ = LINE.final


def entries(folder: Path, store: str) -> int:
    return len(list((folder / store).glob("[!.]*/entry.json")))


def building(folder: Path) -> bool:
    """Whether the dependencies are being installed."""
    return any((folder / "logs/build_images" / tiny.REPO).glob(".bubblewrap.*.tmp/tree/package.json"))


# tests/chaos kills at random moments of every step; here are those that must be met.
MOMENTS: dict[str, Callable[[Path], bool]] = {
    "while the environment is built": building,
    "after two verdicts": lambda folder: entries(folder, VALIDATION) > 2,
    "after one trajectory": lambda folder: entries(folder, TRAJECTORIES) > 0,
}


def finished(folder: Path) -> workflows.Entries:
    return workflows.finished_entries([folder / store for store in LINE.stores])


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_and_repeats_nothing(moment: str, finished_line: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    if moment == "while the environment is built":
        workflows.make_folder(folder)
    else:
        workflows.copy_folder(finished_line, folder)
        workflows.forget(folder, MADE)
    process = workflows.start(folder, LINE.rows)
    workflows.wait_for(lambda: MOMENTS[moment](folder) or process.poll() is not None)
    assert process.poll() is None, (folder / "out.log").read_text()
    workflows.kill_tree(process)
    workflows.wait_for(lambda: workflows.processes_of(folder) == [])
    workflows.check_whole(LINE, folder, finished_line, finished(folder))


def test_a_run_goes_on_beside_the_script_that_a_killed_snakemake_left_behind(
    finished_line: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    workflows.copy_folder(finished_line, folder)
    workflows.forget(folder, MADE)
    process = workflows.start(folder, LINE.rows)
    workflows.wait_for(lambda: entries(folder, VALIDATION) > 1)
    process.kill()
    process.wait()
    assert any("validate_bugs.py" in line for line in workflows.processes_of(folder))
    before = finished(folder)
    workflows.check_whole(LINE, folder, finished_line, before)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_script_told_to_end_takes_its_sandboxes_down(signum: int, finished_line: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    workflows.copy_folder(finished_line, folder)
    workflows.forget(folder, MADE)
    repo = folder / "logs/build_images" / tiny.REPO
    command = [workflows.SCRIPTS / "validate_bugs.py", folder / f"logs/bug_gen/{tiny.REPO}_screened_patches.json"]
    command += ["--environment", repo / "environment.json", "--output", folder / VALIDATION / "report.json"]
    process = subprocess.Popen(command, env=workflows.environment(folder), stderr=subprocess.DEVNULL)
    workflows.wait_for(lambda: entries(folder, VALIDATION) > 1)
    os.kill(process.pid, signum)
    assert process.wait(60) == 128 + signum
    assert workflows.leftovers(folder) == []
    assert workflows.processes_of(folder) == []


def test_shards_merge_to_the_bytes_of_one_run(finished_line: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    workflows.copy_folder(finished_line, folder)
    workflows.forget(folder, MADE)
    environment = ["--environment", folder / f"logs/build_images/{tiny.REPO}/environment.json"]
    dataset = finished_line / DATASET
    validation = [folder / f"logs/bug_gen/{tiny.REPO}_screened_patches.json", "--max-instances", "5"]
    confirmation = [validation[0], "--report", folder / VALIDATION / "report.json"]
    agent = ["--config", folder / "agent.yaml"]
    stages = {
        "validate_bugs": [*validation, "--output", folder / VALIDATION / "report.json"],
        "confirm_bugs": [*confirmation, "--output", folder / CONFIRMATION],
        "run_agent": [dataset, "--engine", "oracle", *agent, "--output", folder / PREDICTIONS],
        "evaluate_predictions": [finished_line / PREDICTIONS, "--dataset", dataset, "--output", folder / REPORT],
    }
    for script, arguments in stages.items():
        command = [workflows.SCRIPTS / f"{script}.py", *arguments, *environment]
        for shard in ("3/3", "1/3", "2/3"):
            subprocess.run([*command, "--shard", shard], check=True, env=workflows.environment(folder))
            assert not Path(arguments[-1]).exists()
        before = finished(folder)
        subprocess.run(command, check=True, env=workflows.environment(folder))
        after = finished(folder)
        assert {path: after[path] for path in before} == before
    for name in (PREDICTIONS, REPORT):
        assert (folder / name).read_bytes() == (finished_line / name).read_bytes(), name
    for name in (f"{VALIDATION}/report.json", CONFIRMATION):
        merged, whole = (json.loads((root / name).read_text()) for root in (folder, finished_line))
        assert merged["instances"] == whole["instances"]
        assert merged["funnel"] == whole["funnel"]


@pytest.mark.docker
def test_a_killed_run_in_docker_leaves_no_container_behind(finished_line: Path, tmp_path: Path) -> None:
    workflows.make_folder(tmp_path)
    config = workflows.read_config(tmp_path)
    config["repos"]["tiny"]["sandbox"]["backend"] = "docker"
    workflows.write_config(tmp_path, config)
    process = workflows.start(tmp_path, LINE.rows)
    workflows.freeze_where(process, lambda: entries(tmp_path, VALIDATION) > 1 and workflows.has_containers(process))
    workflows.kill_tree(process)
    workflows.check_whole(LINE, tmp_path, finished_line, finished(tmp_path))
    workflows.wait_for_no_dead_containers()
