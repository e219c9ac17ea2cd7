"""Profiles: a mistake is one line with the file and the key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tracesmith.environments import profiles
from tracesmith.errors import InputError

OWN = yaml.safe_load((profiles.FOLDER / "css-what.yaml").read_text())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nane": "x"}, "unknown key nane"),
        ({"name": "css-what"}, "key name: wanted is a text like"),
        ({"node": 24}, "key node: wanted is string"),
        ({"install": ["npm install"]}, "key install.0: wanted is array"),
        ({"install": [[]]}, "key install.0"),
        ({"source": ""}, "key source"),
        ({"source_globs": []}, "key source_globs"),
        ({"files": {"x": 1}}, "key files.x: wanted is string"),
        ({"test": {**OWN["test"], "runner": "karma"}}, "key test.runner: wanted is one of vitest"),
        ({"test": {"runner": "vitest", "command": ["x"]}}, "key test.globs is missing"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**OWN, **change}))
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        profiles.read(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("key", ["name", "source", "node", "test", "source_globs"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({name: OWN[name] for name in OWN if name != key}))
    with pytest.raises(InputError, match=f"key {key} is missing"):
        profiles.read(tmp_path / "mine.yaml")


def test_bugs_are_never_put_into_tests_or_configuration() -> None:
    profile = profiles.read(profiles.FOLDER / "css-what.yaml")
    left_alone = set(profile.not_source_globs())
    assert {*profile.exclude_globs, *profile.test.globs, *profile.test.protected_globs} == left_alone


def test_profiles_are_known_by_the_name_inside(tmp_path: Path) -> None:
    (tmp_path / "any.yaml").write_text(yaml.safe_dump({**OWN, "name": "MineProfile"}))
    assert profiles.known(tmp_path) == {"MineProfile": tmp_path / "any.yaml"}
