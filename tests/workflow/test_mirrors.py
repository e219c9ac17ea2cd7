"""A finished line whose mirror is pushed as well, through Snakemake."""

import json
from pathlib import Path

import pytest

import git_server
import tiny
import workflows
from tracesmith import git

pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.git_http]

TOKEN = "ghp_planted0123456789abcdef"  # noqa: S105 - planted, to be looked for
REPORT = "reports/tiny-oracle.html"


def test_the_mirror_of_a_finished_line_is_pushed_once_and_without_a_leak(
    line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with git_server.serve(tmp_path / "server", TOKEN) as server:
        config = workflows.read_config(line)
        config["organisation"] = {"github": "swesmith", "github_owner_type": "org"}
        config["mirror"] = {"backend": "github", "api_url": f"{server.url}/api", "git_url": server.url}
        workflows.write_config(line, config)
        assert workflows.planned(line, REPORT) == {"push_mirror", "report_run"}
        done = workflows.snakemake(line, REPORT)
        assert done.returncode == 0, done.stdout
        again = workflows.snakemake(line, REPORT)
        assert "Nothing to be done" in again.stdout
    instances = json.loads((line / "logs" / "task_insts" / f"{tiny.REPO}.json").read_text())
    on_server = git.tips(server.root / "swesmith" / f"{tiny.REPO}.git")
    assert set(on_server) == {"main", *(instance["instance_id"] for instance in instances)}
    assert json.loads((line / "logs" / "mirrors" / f"{tiny.REPO}.json").read_text())["branches"] == on_server
    assert server.pushes() == 1
    assert server.seen_in_argv == []
    assert TOKEN not in done.stdout
    assert not any(TOKEN.encode() in path.read_bytes() for path in line.rglob("*") if path.is_file())
