"""Environments: written and read again, wherever the folder stands, and refused when a part is gone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tracesmith import prepared
from tracesmith.errors import InputError

LINE = Path(__file__).parents[1] / "data" / "line" / "logs" / "build_images" / "npm__css-what.v8.0.0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    shutil.copytree(LINE, tmp_path / "moved")
    (tmp_path / "moved" / "mirror.git").mkdir()
    return tmp_path / "moved" / "environment.json"


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_an_environment_is_read_as_it_was_written(path: Path) -> None:
    found = prepared.read(path)
    made_by = json.loads(path.read_text())["made_by"]
    before = path.read_bytes()
    prepared.write(path, found, made_by)
    assert path.read_bytes() == before
    assert (found.repo, found.backend, found.test.runner) == ("npm__css-what.v8.0.0", "bubblewrap", "vitest")


def test_its_identity_changes_with_what_decides_verdicts(path: Path) -> None:
    identity = prepared.read(path).identity()
    value = json.loads(path.read_text())
    changes: list[dict[str, Any]] = [
        {"source_hash": "0"},
        {"node": "v22.0.0"},
        {"installed": "sha256:1"},
        {"network": True},
        {"limits": {**value["limits"], "pids": 16}},
        {"test": {**value["test"], "command": ["vitest"]}},
    ]
    for values in changes:
        path.write_text(json.dumps({**value, **values}))
        assert prepared.read(path).identity() != identity
    path.write_text(
        json.dumps({**value, "made_by": {"commit": "another"}, "mirror_name": "me/x", "image_name": "me/y"})
    )
    assert prepared.read(path).identity() == identity


@pytest.mark.parametrize("part", ["source", "tree", "mirror"])
def test_a_part_that_is_gone_is_named_with_the_remedy(path: Path, part: str) -> None:
    folder = path.parent / json.loads(path.read_text())[part]
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="run build_environment again") as raised:
        prepared.read(path)
    assert f"the folder {folder} is gone" in str(raised.value)


@pytest.mark.parametrize("values", [{"extra": 1}, {"limits": {}}, {"test": None}, {"source": 5}, {"limits": {"x": 1}}])
def test_a_file_of_another_version_is_refused(path: Path, values: dict[str, Any]) -> None:
    change(path, **values)
    with pytest.raises(InputError, match="it is no environment of this version: run build_environment again"):
        prepared.read(path)
