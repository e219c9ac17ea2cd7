"""
The commands of the guides that work on a repository's files, as they stand, on the tiny package and a model server.

Those of the guides to repositories, proxies and clusters are run by tests/integration. What the commands of all guides
name is looked up by tests/workflow/test_guides_hold.py.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import agent_models
import bug_answers
import guide_runs
import guides
import llm_server
import tiny
import workflows
from llm_server import Body, Message, ModelServer

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
ISSUE = """Values come out wrong since the update

I call the functions as the documentation says, and what I get back is not what I expected: results are wrong where they
used to be right before.
"""
LOG = workflows.ROOT / "tests" / "data" / "logs" / "vitest" / "4.1.12" / "mixed.verbose.log"
TINY = {"REPO": tiny.REPO, "/RUN": "/tiny-oracle", "configs/repos/css-what.yaml": "tiny.yaml"}
"""Names of the guides, and what stands in a test's folder."""
TINY_FOR_ZOD = {
    "profile: ZodProfile": "profile: tiny.yaml\n    sandbox: {backend: bubblewrap}",
    "npm__zod.v4.6.7": tiny.REPO,
    "max_bugs: 60": "max_bugs: 12",
    "max_instances: 20": "max_instances: 5",
    "--cores 8": "--cores 2",
    ". .venv/bin/activate\n": "",
}
TINY_FOR_CSS_WHAT = {
    "npm__css-what.v8.0.0": tiny.REPO,
    "CssWhatProfile": "tiny.yaml\n    sandbox: {backend: bubblewrap}",
    "css-what": "tiny",
    "--cores 4": "--cores 2",
}
PROMPTS = {
    "my_bugs.yml": "bug_gen/ts_modify.yml",
    "my_issues.yaml": "issue_gen/ig_v2.yaml",
    "my_agent.yaml": "agent/mini_claude.yaml",
}
RUN = "tiny-oracle"
NAMES = {
    "npm__css-what.v8.0.0": tiny.REPO,
    "configs/repos/css-what.yaml": "tiny.yaml",
    "configs/repos/my-css-what.yaml": "my-css-what.yaml",
    "REPO__": f"{tiny.REPO}__",
    "REPO": tiny.REPO,
    "SOURCE_FOLDER": f"logs/build_images/{tiny.REPO}/source/tree",
    "USER/": "local/",
    "RUN": RUN,
    "htmlparser2-check": RUN,
    "--max-bugs 200": "--max-bugs 8",
    "--max-bugs 50": "--max-bugs 2",
}
"""Names of the reference, and what stands in a test's folder."""
IN_ORDER = (
    "build_environment",
    "make_profile",
    "generate_bugs",
    "write_bugs",
    "revert_pulls",
    "collect_patches",
    "screen_bugs",
    "validate_bugs",
    "combine_bugs",
    "confirm_bugs",
    "gather_instances",
    "write_issues",
    "assemble_dataset",
    "check_workspaces",
    "run_agent",
    "merge_preds",
    "evaluate_predictions",
    "convert_trajectories",
    "filter_resolved",
    "split_rows",
    "export_rows",
    "pack_logs",
    "report_repo",
    "report_run",
    "show_funnel",
    "show_status",
    "doctor",
    "read_log",
)
ELSEWHERE = {
    "draw_rules": "Makefile",
    "evaluate_model": "tests/workflow/test_model_evaluation.py",
    "finetune": "tests/workflow/test_model_evaluation.py",
    "hold_out_instances": "tests/workflow/test_model_evaluation.py",
    "import_swesmith_profiles": "tests/integration/test_repository_guide.py",
    "list_operators": "Makefile",
    "make_tiny_model": "tests/workflow/test_model_evaluation.py",
    "publish_file": "tests/workflow/test_publishing.py",
    "push_image": "tests/integration/test_push_image.py",
    "push_mirror": "tests/integration/test_push_mirror.py",
    "render_agent_config": "tests/workflow/test_model_evaluation.py",
    "render_training_config": "tests/workflow/test_model_evaluation.py",
    "serve_model": "tests/workflow/test_model_evaluation.py",
    "verify_row": "tests/workflow/test_guides.py",
    "write_reference": "Makefile",
}
"""Scripts whose examples need more than the line of the tiny package, and what runs them."""
PULL = {"number": 1, "title": "Join intervals that touch", "body": None, "diff": tiny.REPAIR}


def answer(body: Body) -> Message:
    return bug_answers.with_a_mistake(body) if bug_answers.is_about_bugs(body) else {"content": ISSUE}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A server in the place of Anthropic's."""
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = answer
        monkeypatch.setenv("ANTHROPIC_API_BASE", state.url)
        yield state


def blocks_of(guide: str) -> list[str]:
    """Return the configurations that a guide shows."""
    return [one.text for one in guides.blocks() if one.guide.name == guide and one.language == "yaml"]


def test_the_commands_of_the_guides_work_as_they_stand(line: Path, server: ModelServer) -> None:
    for name in ("configs", "scripts"):
        (line / name).symlink_to(workflows.ROOT / name)
    (line / "pulls.jsonl").write_text(json.dumps(PULL) + "\n")
    guide_runs.run_guide(line, "validation.md", TINY)
    guide_runs.run_guide(line, "bugs.md", TINY)
    for method in ("llm_modify", "llm_rewrite", "pr"):
        assert json.loads((line / f"logs/bug_gen/{tiny.REPO}/{method}.json").read_text())["candidates"]
    assert (line / f"logs/run_validation/{tiny.REPO}/combined_report.json").exists()
    guide_runs.run_guide(line, "issues.md", TINY)
    rows = json.loads((line / f"logs/issue_gen/{tiny.REPO}__llm.json").read_text())["issues"]
    assert {row["problem_statement"] for row in rows} == {ISSUE.strip()}
    assert {path for path, _ in server.calls} == {"/v1/messages"}


def test_the_commands_of_the_guides_to_workspaces_logs_and_rows_work_as_they_stand(line: Path) -> None:
    (line / "scripts").symlink_to(workflows.ROOT / "scripts")
    (line / "test_output.txt").symlink_to(LOG)
    guide_runs.run_guide(line, "workspaces.md", TINY)
    assert json.loads((line / f"logs/workspaces/{tiny.REPO}.json").read_text())["instances"]
    guide_runs.run_guide(line, "logs.md", TINY)
    assert "failed" in json.loads((line / "states.json").read_text()).values()
    guide_runs.run_guide(line, "sft.md", TINY)
    assert (line / "filtered.jsonl").read_text()


def test_the_commands_of_the_guides_to_what_is_ones_own_work_as_they_stand(line: Path, server: ModelServer) -> None:
    repos = {"repos": workflows.read_config(line)["repos"]}
    guide_runs.make_a_clone(line)
    (line / "theirs").mkdir()
    (line / "theirs" / "preds.json").symlink_to(line / "trajectories" / "local" / "tiny-oracle" / "preds.json")
    *_, block = blocks_of("own_agent.md")
    told = yaml.safe_load(guide_runs.replaced(block, TINY_FOR_CSS_WHAT))
    (line / "mine.yaml").write_text(yaml.safe_dump({**repos, **told}))
    guide_runs.run_guide(line, "own_agent.md", TINY_FOR_CSS_WHAT)
    report = json.loads((line / "logs/run_evaluation/theirs/report.json").read_text())
    assert report["resolved"] == report["total"] == 5

    (line / "prompts").mkdir()
    for mine, ours in PROMPTS.items():
        (line / "prompts" / mine).symlink_to(workflows.ROOT / "configs" / ours)
    [block] = blocks_of("prompts.md")
    (line / "mine.yaml").write_text(guide_runs.replaced(block, TINY_FOR_CSS_WHAT))
    guide_runs.run_guide(line, "prompts.md", TINY_FOR_CSS_WHAT)
    assert len(json.loads((line / f"logs/bug_gen/{tiny.REPO}/llm_modify.json").read_text())["candidates"]) == 3

    server.answer = agent_models.undoing(line / f"logs/agent_datasets/{tiny.REPO}_final.json")
    guide_runs.run_guide(line, "resuming.md", {"REPO": tiny.REPO, "/RUN/": "/by-hand/"})
    assert len(json.loads((line / "trajectories/local/by-hand/preds.json").read_text())) == 5


def test_the_tutorial_goes_from_a_repository_to_rows_with_a_model(line: Path, server: ModelServer) -> None:
    """As it stands, with the tiny package in the place of zod."""
    guide_runs.make_a_clone(line)
    [block] = blocks_of("tutorial.md")
    (line / "zod.yaml").write_text(guide_runs.replaced(block, TINY_FOR_ZOD))
    undo = agent_models.undoing(line / f"logs/agent_datasets/{tiny.REPO}_final.json")

    def answer(body: Body) -> Message:
        if "tools" in body:
            return undo(body)
        number = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()[:8]
        return {"content": ISSUE.replace("the update", f"build {number}")}

    server.answer = answer
    guide_runs.run_guide(line, "tutorial.md", TINY_FOR_ZOD, after="## zod: what to set")
    instances = json.loads((line / f"logs/agent_datasets/{tiny.REPO}_final.json").read_text())
    for run_id in ("zod-oracle", "zod-claude"):
        rows = (line / f"trajectories_sft/{run_id}.xml.jsonl").read_text().splitlines()
        assert len(rows) == len(instances) > 3
    resolved = json.loads((line / "logs/run_evaluation/zod-claude/report.json").read_text())["ids_resolved"]
    (indented,) = re.findall(r"(?m)^    (scripts/verify_row.py .*)$", (workflows.ROOT / "docs/tutorial.md").read_text())
    check = indented.replace("INSTANCE_ID", resolved[0]).split()
    done = subprocess.run([sys.executable, *check], cwd=line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_examples_of_the_scripts_work_as_they_stand(line: Path, server: ModelServer) -> None:
    undo = agent_models.undoing(line / f"logs/agent_datasets/{tiny.REPO}_final.json")
    server.answer = lambda body: undo(body) if "tools" in body else answer(body)
    guide_runs.make_a_clone(line)
    (line / "pulls.jsonl").write_text(json.dumps(PULL) + "\n")
    (line / "OTHER" / "trajectories").mkdir(parents=True)
    (line / "trajectories" / "local" / RUN).rename(line / "OTHER" / "trajectories" / RUN)
    (line / "test_output.txt").symlink_to(LOG)
    guide_runs.run_examples(line, ["import_trajectories"], {**NAMES, "USER/": "theirs/"})
    guide_runs.run_examples(line, IN_ORDER, NAMES)
    for user in ("local", "theirs"):
        assert len(json.loads((line / f"trajectories/{user}/{RUN}/preds.json").read_text())) > 3


def test_every_script_has_an_example_that_something_runs() -> None:
    shown = guide_runs.examples()
    assert [name for name, blocks in shown.items() if not blocks] == []
    assert sorted(shown) == sorted([*IN_ORDER, "import_trajectories", *ELSEWHERE])
    for name, place in ELSEWHERE.items():
        assert name in (workflows.ROOT / place).read_text()


def test_the_commands_of_the_readme_and_on_what_is_there_work_as_they_stand(line: Path) -> None:
    guide_runs.make_a_clone(line)
    (line / "config.yaml").unlink()
    ours = yaml.safe_load((workflows.ROOT / "config.yaml").read_text())
    workflows.write_config(line, ours | {"repos": {}, "runs": {}})  # the demo would be made
    others = {**NAMES, "--cores 20": "--cores 2", "demo": RUN}
    plan_and_run = guide_runs.block("README.md", ". .venv/bin/activate").partition("\n")[2]
    for command in (plan_and_run, *guide_runs.fenced("config/README.md")):
        guide_runs.run(line, command, others)
    report = line / f"logs/run_evaluation/{RUN}/report.json"
    before = report.read_bytes()
    guide_runs.run(line, guide_runs.block("README.md", "python scripts/evaluate_predictions.py"), others)
    assert report.read_bytes() == before
    plan = guide_runs.block("docs/coming_from_swesmith.md", "snakemake -n")
    guide_runs.run(line, plan, {**others, "_final.json": "_final.json --configfile mine.yaml"})
    assert guide_runs.run(line, guide_runs.block("docs/tutorial.md", "head --lines 1"), others)


def test_the_commands_to_who_changes_tracesmith_work_as_they_stand_and_change_nothing(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=workflows.ROOT, capture_output=True, text=True, check=True)
    names = listed.stdout.splitlines()
    clone = tmp_path / "clone"
    for name in names:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(workflows.ROOT / name, clone / name)
    (clone / ".venv").symlink_to(sys.prefix)
    (clone / "tmp").mkdir()
    for guide, beginning in (("CONTRIBUTING.md", "make docs"), ("docs/extending.md", "make reference")):
        guide_runs.run(clone, guide_runs.block(guide, beginning), {}, TEST_WORKERS="0")
    guide_runs.run(clone, "make format", {})
    changed = [name for name in names if (clone / name).read_bytes() != (workflows.ROOT / name).read_bytes()]
    assert changed == []
