"""`profile: auto` through Snakemake: made once, used by the steps behind it, and never written over."""

from pathlib import Path

import pytest

import tiny
import workflows
from tracesmith.environments import profiles

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
PROFILE = f"logs/profiles/{tiny.REPO}.yaml"
BUGS = f"logs/bug_gen/{tiny.REPO}/procedural.json"


def log(folder: Path) -> str:
    return (folder / f"logs/rules/make_profile/{tiny.REPO}.log").read_text()


def test_a_profile_is_made_used_and_left_alone_when_edited(tmp_path: Path) -> None:
    workflows.make_folder(tmp_path)
    config = workflows.read_config(tmp_path)
    config["repos"]["tiny"] |= {"profile": "auto", "source": str(tiny.SOURCE)}
    workflows.write_config(tmp_path, config)
    done = workflows.snakemake(tmp_path, BUGS)
    assert done.returncode == 0, done.stdout
    made = (tmp_path / PROFILE).read_text()
    assert profiles.read(tmp_path / PROFILE).test.runner == "vitest"
    assert "attempt 1 (as detected): ran:" in log(tmp_path)
    assert "Nothing to be done" in workflows.snakemake(tmp_path, BUGS).stdout

    (tmp_path / PROFILE).unlink()
    assert workflows.snakemake(tmp_path, PROFILE).returncode == 0
    assert (tmp_path / PROFILE).read_text() == made
    assert "attempt" not in log(tmp_path), "what was made is kept in the store"

    edited = made.replace("source_globs:", "# mine\nsource_globs:")
    (tmp_path / PROFILE).write_text(edited)
    assert workflows.snakemake(tmp_path, PROFILE, "--forcerun", "make_profile").returncode == 0
    assert (tmp_path / PROFILE).read_text() == edited
    assert "edited by hand and is kept" in log(tmp_path)
