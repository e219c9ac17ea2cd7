"""The pin files of envs/ belong together: `make pins` was run after the last edit."""

from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).resolve().parents[2] / "envs"


def requirements(name: str) -> list[str]:
    lines = (ENVS / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


@pytest.mark.parametrize("name", ["pipeline", "dev", "local_model", "training", "trl"])
def test_direct_requirements_are_pinned_as_asked(name: str) -> None:
    direct = requirements(f"{name}.in")
    assert all("==" in line for line in direct)
    assert set(direct) <= set(requirements(f"{name}.txt"))


def test_conda_file_holds_the_same_pins() -> None:
    conda = yaml.safe_load((ENVS / "pipeline.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": requirements("pipeline.txt")}


def test_development_adds_and_never_changes() -> None:
    names = [{line.partition("==")[0] for line in requirements(f"{name}.txt")} for name in ("pipeline", "dev")]
    assert not names[0] & names[1]
    assert "-r pipeline.txt" in (ENVS / "dev.txt").read_text().splitlines()


def test_the_gpu_pins_are_those_of_the_cpu_with_another_torch() -> None:
    cpu = [line.replace("+cpu", "") for line in requirements("training.txt")]
    assert requirements("training_gpu.txt") == cpu
    assert not any("+cpu" in line for line in requirements("training_gpu.txt"))


def test_torchtune_has_the_torchao_it_works_with() -> None:
    assert "torchao==0.13.0" in requirements("training.txt")
