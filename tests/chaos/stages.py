"""Stages: what a scene needs around it, for a block. Each yields a scene whose folder is ready for its run."""

import contextlib
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import agent_models
import daemons
import llm_server
import model_faults
import pair
import workflows
from faults import small_disk
from scenes import Scene

ENGINE = "docker_engine.sh"
BASE_IMAGE = "node:24-bookworm-slim"


@contextlib.contextmanager
def plain(folder: Path, finished: Path, rng: random.Random) -> Iterator[Scene]:
    """The whole line, from the package on."""
    pair.make_folder(folder)
    yield Scene(pair.ORACLE, folder, finished, rng)


@contextlib.contextmanager
def on_a_small_disk(folder: Path, finished: Path, rng: random.Random) -> Iterator[Scene]:
    """The whole line on a disk of its own."""
    with small_disk(folder.parent), plain(folder, finished, rng) as scene:
        yield scene


@contextlib.contextmanager
def with_a_model(folder: Path, finished: Path, rng: random.Random) -> Iterator[Scene]:
    """From the dataset on, with an agent that asks a model."""
    copy_for_agents(finished, folder)
    with llm_server.serve() as server:
        server.answer = agent_models.undoing(folder / pair.MINI.final[1])
        pair.ask_a_model(folder, f"{server.url}/v1")
        yield Scene(pair.MINI, folder, finished, rng, model_faults.KEYS, server)


def copy_for_agents(finished: Path, folder: Path) -> None:
    """Copy the oracle's line as far as an agent's begins."""
    workflows.copy_folder(finished, folder)
    workflows.forget(folder, ["trajectories", "trajectories_sft", "logs/run_evaluation"])
    workflows.forget(folder, ["benchmarks-out", "logs/rules", "out.log"])


@contextlib.contextmanager
def in_docker(folder: Path, finished: Path, rng: random.Random) -> Iterator[Scene]:
    """The whole line in containers of an engine of its own, with the base image of the usual one."""
    with daemons.running(ENGINE) as (engine, variables):
        _copy_image(variables["DOCKER_HOST"])
        pair.make_folder(folder, "docker")
        yield Scene(pair.ORACLE, folder, finished, rng, variables, engine=engine)


def _copy_image(host: str) -> None:
    with subprocess.Popen(["docker", "save", BASE_IMAGE], stdout=subprocess.PIPE) as saved:
        subprocess.run(["docker", "--host", host, "load"], stdin=saved.stdout, check=True, capture_output=True)
    assert saved.returncode == 0
