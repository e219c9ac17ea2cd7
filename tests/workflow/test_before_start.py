"""What the start of a real run asks for, and what a dry run does not."""

from pathlib import Path

import pytest

import tiny
import workflows
from tracesmith import proxies
from tracesmith.preflight.plan import SANDBOXED

PUSHED = f"logs/mirrors/{tiny.REPO}.json"
PATCHES = f"logs/bug_gen/{tiny.REPO}_all_patches.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that pushes mirrors, on a machine without a token and without proxies."""
    for name in (*proxies.VARIABLES, "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    workflows.make_folder(tmp_path)
    config = workflows.read_config(tmp_path)
    config |= {"organisation": {"github": "acme"}, "mirror": {"backend": "github"}}
    workflows.write_config(tmp_path, config)
    return tmp_path


@pytest.mark.sandbox
def test_a_run_without_the_mirrors_token_ends_before_any_job(folder: Path) -> None:
    done = workflows.snakemake(folder, PUSHED)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    missing = [line for line in lines if line.startswith("MISSING")]
    assert len(missing) == 1
    assert missing[0].startswith("MISSING  GITHUB_TOKEN is not set")
    assert "error: 1 of the things that are needed is MISSING, see above" in lines
    assert "Traceback" not in done.stdout
    assert not (folder / "logs").exists()


@pytest.mark.sandbox
def test_a_training_without_its_environment_ends_before_any_job(folder: Path) -> None:
    config = workflows.read_config(folder)
    config |= {"environments": {"training": {"python": "no/bin/python"}}, "mirror": {"backend": "local"}}
    workflows.write_config(folder, config)
    done = workflows.snakemake(folder, "outputs/tiny-oracle/manifest.json")
    assert done.returncode == 1
    assert "MISSING  training: no/bin/python: no such Python; `make training` makes the environment" in done.stdout
    assert not (folder / "logs").exists()


def test_a_dry_run_needs_nothing(folder: Path) -> None:
    done = workflows.snakemake(folder, "-n", PUSHED)
    assert done.returncode == 0, done.stdout
    assert "MISSING" not in done.stdout


@pytest.mark.sandbox
def test_a_dead_proxy_stops_a_run_that_has_to_fetch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:hunter2hunter2@127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    done = workflows.snakemake(folder, PATCHES)
    assert done.returncode == 1
    assert "warning  https_proxy and HTTPS_PROXY differ" in done.stdout
    assert "MISSING  https_proxy: the proxy http://127.0.0.1:9 cannot be reached" in done.stdout
    assert "hunter2" not in done.stdout
    assert not (folder / "logs").exists()


@pytest.mark.sandbox
@pytest.mark.network
def test_only_what_the_planned_steps_need_is_asked_for(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{line}/none.sock")
    config = workflows.read_config(line)
    config |= {"organisation": {"github": "swesmith"}, "mirror": {"backend": "github"}}
    workflows.write_config(line, config)
    workflows.forget(line, [PATCHES])
    done = workflows.snakemake(line, PATCHES)
    assert done.returncode == 0, done.stdout
    assert "MISSING" not in done.stdout
    assert "Nothing to be done" in workflows.snakemake(line, PATCHES).stdout
    assert "MISSING  GITHUB_TOKEN" in workflows.snakemake(line, PUSHED).stdout


def test_the_steps_with_sandboxes_are_the_rules_that_ask_for_some() -> None:
    text = "".join(path.read_text() for path in (workflows.ROOT / "rules").glob("*.smk"))
    rules = text.split("\nrule ")[1:]
    asking = {rule.partition(":")[0] for rule in rules if "\n        docker=" in rule}
    assert asking == set(SANDBOXED)
