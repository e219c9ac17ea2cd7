"""Podman's service in place of Docker's engine: the sandboxes' promises, and the same rows as with bubblewrap."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import boxes
import pytest
from test_sandboxes import (  # noqa: F401 - they run again here
    test_a_command_that_kills_all_it_can_leaves_nothing,
    test_environment_is_what_is_given,
    test_files_last_as_long_as_their_sandbox,
    test_host_files_are_out_of_reach,
    test_input_and_output_may_be_large_and_binary,
    test_network_when_given,
    test_no_network_unless_given,
    test_output_and_exit_code_are_the_commands_own,
    test_process_limit,
    test_stop_from_another_thread,
    test_time_limit_ends_all_that_a_command_started,
    test_what_a_container_of_this_machine_counts_is_read_from_outside,
)

import daemons
import tiny
import workflows
from tracesmith.environments import profiles
from tracesmith.environments.engines import Engine
from tracesmith.errors import TracesmithError
from tracesmith.sandboxes import docker

pytestmark = [pytest.mark.podman, pytest.mark.docker]


@pytest.fixture(scope="module", autouse=True)
def service() -> Iterator[None]:
    """Start Podman's service with the base image of the usual engine, and have DOCKER_HOST name it."""
    with contextlib.closing(docker.connect()) as engine:
        base = engine.images.get(boxes.BASE)
        with daemons.started("podman.sh"):
            with contextlib.closing(docker.connect()) as ours:
                list(ours.api.load_image(base.save(named=True)))
            yield


@pytest.fixture
def kind() -> str:
    """Name the one backend of these tests."""
    return "docker"


@pytest.fixture(scope="module")
def image(service: None, tree: Path) -> Iterator[str]:
    """Build the image of the sandboxes with Podman."""
    with boxes.built(tree) as name:
        yield name


def context(dockerfile: str) -> AbstractContextManager[IO[bytes]]:
    """Return what an engine builds from: a Dockerfile alone."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    data.seek(0)
    return contextlib.nullcontext(data)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('RUN ["sh", "-c", "echo out; exit 7"]', "sh -c echo out; exit 7 ended with exit code 7: out"),
        ('RUN ["sh", "-c", "exit 137"]', "exit 137 ended with the memory limit"),
        ("NONSENSE", "NONSENSE"),
    ],
)
def test_a_build_that_fails_tells_its_last_step_and_leaves_nothing(line: str, said: str, tmp_path: Path) -> None:
    engine = Engine(profiles.read(tiny.write_profile(tmp_path)), boxes.LIMITS)
    before = engine.client.api.images(quiet=True, all=True)
    dockerfile = f"FROM {boxes.BASE} AS one\nRUN echo first\nFROM one\nUSER 1000\n{line}\n"
    with engine.tidy(), pytest.raises(TracesmithError) as raised:
        engine.build(lambda: context(dockerfile), "tracesmith-test/failing", None)
    assert said in str(raised.value)
    assert "first" not in str(raised.value)
    client = docker.connect()
    assert sorted(client.api.images(quiet=True, all=True)) == sorted(before)
    client.close()


def test_what_is_printed_at_once_on_a_busy_machine_is_not_lost(image: str) -> None:
    def _print(number: int) -> list[str]:
        with backend.open() as box:
            return [box.run(["echo", f"{number} {again}"], timeout_s=60).text for again in range(10)]

    backend = boxes.make_backend("docker", image)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(3 * (os.cpu_count() or 1))]
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(_print, range(8)))
    finally:
        for one in busy:
            one.kill()
            one.wait()
    assert found == [[f"{number} {again}\n" for again in range(10)] for number in range(8)]


def rows(path: Path) -> dict[str, Any]:
    """Return the rows of a file by instance, without the hashes of files that tell of other instances too."""
    found = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        for name in ("dataset", "report"):
            del row["tracesmith"]["provenance"][name]
        found[row["instance_id"]] = row
    return found


@pytest.mark.sandbox
@pytest.mark.network
def test_rows_are_those_of_bubblewrap(finished_line: Path, tmp_path: Path) -> None:
    workflows.make_folder(tmp_path)
    config = workflows.read_config(tmp_path)
    config["repos"]["tiny"] |= {"sandbox": {"backend": "docker"}, "validation": {"max_instances": 1}}
    workflows.write_config(tmp_path, config)
    target = workflows.TARGETS[0]
    done = workflows.snakemake(tmp_path, target)
    assert done.returncode == 0, done.stdout
    found, wanted = rows(tmp_path / target), rows(finished_line / target)
    assert len(found) == 1
    assert found.items() <= wanted.items()
    assert workflows.owners_of_containers() == []
