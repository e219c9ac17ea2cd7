"""The report of a repository: every candidate has a fate, and a wrong file is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from report_inputs import opened
from tracesmith import files, summaries
from tracesmith.errors import InputError
from tracesmith.reports import repo_report
from tracesmith.reports.repo_report import RepoFiles

PATCH = "--- a/src/x.ts\n+++ b/src/x.ts\n@@ -1 +1 @@\n-one\n+two\n"
HOSTILE = "<script>alert(1)</script>\x1b[31m"
FATES = {
    "r.op_a__1": "instance",
    "r.op_a__2": "no_fail_to_pass",
    "r.op_b__3": "does_not_compile",
    "r.op_b__4": "not_confirmed",
    "r.op_b__5": "not_in_dataset",
    "r.op_c__6": "not_needed",
}


def js(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def funnel(came_in: int, **dropped: int) -> dict[str, Any]:
    return {"in": came_in, "out": came_in - sum(dropped.values()), "dropped": dropped}


def judged(**verdicts: str) -> list[dict[str, str]]:
    return [{"instance_id": f"r.{name}", "verdict": verdict} for name, verdict in verdicts.items()]


@pytest.fixture
def repo(tmp_path: Path) -> RepoFiles:
    """Make a repository whose six candidates end at six stages."""
    gate = {"runs": 3, "files": 2, "broken_files": 0, "tests": 9, "passed": 8, "failed": 0, "skipped": 0, "todo": 1}
    validation = judged(op_a__1="valid", op_a__2="no_fail_to_pass", op_b__4="valid", op_b__5="valid")
    confirmation = judged(op_a__1="confirmed", op_b__4="not_confirmed", op_b__5="confirmed")
    ours = {"difficulty": {"lines": 2, "distance": None}, "issue": {"mode": "static", "observable": True}}
    instance = {"instance_id": "r.op_a__1", "patch": PATCH, "FAIL_TO_PASS": ["f"], "PASS_TO_PASS": ["p"]}
    instance |= {"image_name": "i", "repo": "o/r", "problem_statement": HOSTILE, "tracesmith": ours}
    return RepoFiles(
        environment=js(
            tmp_path / "environment.json", {"repo": "r", "node": "v24", "gate": {**gate, "flaky": ["slow"]}}
        ),
        bugs=[js(tmp_path / "procedural.json", {"funnel": funnel(8, duplicate=2)})],
        candidates=[
            js(tmp_path / "patches.json", [{"instance_id": name, "patch": PATCH, "repo": "r"} for name in FATES])
        ],
        screening=[
            js(
                tmp_path / "s.json",
                {"funnel": funnel(6, does_not_compile=1), "screened_out": {"r.op_b__3": "does_not_compile"}},
            )
        ],
        validation=[js(tmp_path / "report.json", {"funnel": funnel(4, no_fail_to_pass=1), "instances": validation})],
        confirmation=js(tmp_path / "c.json", {"funnel": funnel(3, not_confirmed=1), "instances": confirmation}),
        dataset=js(tmp_path / "final.json", [instance]),
    )


def reported(repo: RepoFiles) -> tuple[dict[str, Any], str]:
    folder = repo.dataset.parent
    repo_report.report(repo, folder / "r.html", folder / "r.out.json")
    page = (folder / "r.html").read_text()
    return files.read_json(folder / "r.out.json"), opened(page)


def test_every_candidate_has_its_fate(repo: RepoFiles) -> None:
    summary, page = reported(repo)
    assert {one["instance_id"]: one["fate"] for one in summary["candidates"]} == FATES
    assert [(one["stage"], one["in"], one["out"]) for one in summary["stages"]] == [
        ("generation: procedural", 8, 6),
        ("screens", 6, 5),
        ("validation: report", 4, 3),
        ("confirmation", 3, 2),
    ]
    assert summary["operators"][0] == {"name": "op_b", "made": 3, "instances": 0}
    assert summary["methods"] == [{"name": "model", "made": 6, "instances": 1}]
    assert summary["files_changed"] == [{"name": "src/x.ts", "made": 6, "instances": 1}]
    for text in ("1 instance of 6 candidates", "8 of 9 tests passed", "<li>slow</li>", "lines 2", "mode static"):
        assert text in page
    assert "<script>alert" not in page and "\x1b" not in page


def test_the_dataset_says_itself_what_it_leaves_out(repo: RepoFiles) -> None:
    js(summaries.meta_path(repo.dataset), {"funnel": funnel(2, no_stored_text=1)})
    assert reported(repo)[0]["stages"][-1]["dropped"] == {"no_stored_text": 1}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("environment", [], "environment.json: an object is wanted"),
        ("environment", {"repo": "r", "gate": "passed"}, "environment.json: .*gate"),
        ("confirmation", {"funnel": funnel(0)}, "c.json: no report of validate_bugs or confirm_bugs: .*instances"),
        ("confirmation", {"instances": [{"instance_id": "x", "verdict": None}]}, "c.json: no report of .*verdict"),
        ("confirmation", {"instances": []}, "c.json: key 'funnel'"),
        ("dataset", [], "final.json"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_is_written(repo: RepoFiles, name: str, value: Any, said: str) -> None:
    js(getattr(repo, name), value)
    with pytest.raises(InputError, match=said):
        reported(repo)
    assert not (repo.dataset.parent / "r.html").exists()


def test_an_instance_of_another_repository_is_refused(repo: RepoFiles) -> None:
    js(repo.candidates[0], [{"instance_id": "r.op_a__2", "patch": PATCH, "repo": "r"}])
    with pytest.raises(InputError, match=r"final.json: 1 instance ids are not in the candidates"):
        reported(repo)
