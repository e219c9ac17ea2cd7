"""The line with a language model in it: bugs and issue texts from a real HTTP server, paid for once."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bug_answers
import llm_server
import tiny
import workflows
from llm_server import Body, Message, ModelServer

DATASET = f"logs/agent_datasets/{tiny.REPO}_final.json"
BUGS = f"logs/bug_gen/{tiny.REPO}/llm_modify.json"
ISSUES = f"logs/issue_gen/{tiny.REPO}__llm.json"
ISSUE = """Wrong results after the last update

I call the public functions of this package with the same values as always, and since the update what comes back is not
what I expected. Some results are shorter than they should be, and others are put together in another manner. Expected:
the results of the version before.
"""
PULL = {
    "number": 7,
    "title": "Keep the first word of a slug",
    "body": "It was left out, so that a title of one word had no slug at all.",
    "diff": """--- a/src/text.ts
+++ b/src/text.ts
@@ -19,3 +19,3 @@
   const words = title.toLowerCase().match(/[a-z0-9]+/g) ?? [];
-  return words.slice(1).join("-");
+  return words.join("-");
 }
""",
}
"""A pull request that repaired a bug."""


def answer(body: Body) -> Message:
    """Break the function that is shown, or write a report."""
    return bug_answers.with_a_mistake(body) if bug_answers.is_about_bugs(body) else {"content": ISSUE}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = answer
        yield state


def configure(folder: Path, server: ModelServer, shards: int = 1, **bug_generation: Any) -> None:
    """Let a model write the bugs and the issue texts of the tiny package."""
    config = workflows.read_config(folder)
    config["llm"] = {"model": "openai/gpt-4o-mini", "api_base": f"{server.url}/v1"}
    config["repos"]["tiny"] |= {
        "bug_generation": {"method": "llm-modify", "max_bugs": 4, "shards": shards, **bug_generation},
        "issues": {"mode": "llm", "shards": shards},
    }
    workflows.write_config(folder, config)


@pytest.mark.sandbox
@pytest.mark.network
def test_a_models_bugs_and_texts_become_a_dataset_in_any_number_of_shards_and_are_paid_for_once(
    line: Path, server: ModelServer
) -> None:
    configure(line, server, shards=2)
    server.delay_s = 0.3
    process = subprocess.Popen(
        workflows.command(line, DATASET), env=workflows.environment(line), stdout=subprocess.DEVNULL, text=True
    )
    workflows.wait_for(lambda: server.answered >= 2)
    workflows.kill_tree(process)
    server.delay_s = 0
    lost = len({json.dumps(body, sort_keys=True) for _, body in server.calls})
    done = workflows.snakemake(line, DATASET)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^write_issues_shard +2$", done.stdout, re.M)
    dataset = json.loads((line / DATASET).read_text())
    assert {row["tracesmith"]["strategy"] for row in dataset} == {"lm_modify"}
    assert all(row["problem_statement"].strip() == ISSUE.strip() for row in dataset)
    assert all(row["tracesmith"]["issue"]["mode"] == "llm" for row in dataset)
    requests = {json.dumps(body, sort_keys=True) for _, body in server.calls}
    assert len(server.calls) - len(requests) <= lost, "only what was under way as it was killed is asked again"
    ledger = [json.loads(text) for text in (line / "logs/llm/ledger.jsonl").read_text().splitlines()]
    paid = [entry["stage"] for entry in ledger if entry["outcome"] == "paid"]
    assert paid.count(f"write_bugs/{tiny.REPO}") == 4
    assert paid.count(f"write_issues/{tiny.REPO}") == len(dataset)
    before = server.answered
    assert "Nothing to be done" in workflows.snakemake(line, DATASET).stdout
    made = {name: (line / name).read_bytes() for name in (BUGS, ISSUES, DATASET)}
    workflows.forget(line, list(made))
    configure(line, server)
    again = workflows.snakemake(line, DATASET)
    assert again.returncode == 0, again.stdout
    assert "_shard" not in again.stdout
    assert server.answered == before
    assert {name: (line / name).read_bytes() for name in made} == made
    texts = (path.read_bytes() for path in line.rglob("*") if path.is_file() and "node_modules" not in path.parts)
    assert not any(llm_server.KEY.encode() in text for text in texts)


@pytest.mark.sandbox
@pytest.mark.network
def test_open_calls_never_pass_the_cap(line: Path, server: ModelServer) -> None:
    configure(line, server, llm_workers=6, max_bugs=5)
    server.delay_s = 0.3
    done = workflows.snakemake(line, BUGS, "--resources", "llm=2")
    assert done.returncode == 0, done.stdout
    assert server.most_at_once == 2


@pytest.mark.sandbox
@pytest.mark.network
def test_all_methods_and_combined_bugs_join_in_one_dataset(line: Path, server: ModelServer) -> None:
    (line / "pulls.json").write_text(json.dumps([PULL]))
    configure(line, server, method="all", pulls="pulls.json", combine={"strategies": ["combine_file"], "max_bugs": 2})
    config = workflows.read_config(line)
    config["repos"]["tiny"] |= {"issues": {"mode": "static"}, "validation": {"max_instances": None}}
    workflows.write_config(line, config)
    report = "reports/tiny-oracle.html"
    done = workflows.snakemake(line, DATASET, report)
    assert done.returncode == 0, done.stdout
    strategies = {row["tracesmith"]["strategy"] for row in json.loads((line / DATASET).read_text())}
    assert {"lm_modify", "lm_rewrite", "pr_7", "combine_file"} <= strategies
    assert any(name.startswith("func_pm_") for name in strategies)
    funnel = json.loads((line / "reports/tiny-oracle.json").read_text())["funnel"]
    validation = line / f"logs/run_validation/{tiny.REPO}"
    reports = [json.loads((validation / f"{name}.json").read_text()) for name in ("report", "combined_report")]
    assert funnel[0]["count"] == sum(found["funnel"]["in"] for found in reports)


@pytest.mark.parametrize("screens", [["javascript"], []])
def test_the_screens_of_the_configuration_are_those_of_a_models_bugs(
    screens: list[str], tmp_path: Path, server: ModelServer
) -> None:
    workflows.make_folder(tmp_path)
    configure(tmp_path, server, screens=screens)
    done = workflows.snakemake(tmp_path, "-n", "-p", BUGS)
    assert done.returncode == 0, done.stdout
    written = done.stdout[done.stdout.index("write_bugs.py") :]
    assert " ".join(["--screens", *screens, "--model"]) in " ".join(written.replace("\\\n", " ").split())


@pytest.mark.sandbox
@pytest.mark.network
def test_one_of_several_methods_may_make_no_bug_and_one_alone_may_not(line: Path, server: ModelServer) -> None:
    server.answer = lambda body: {"content": f"I have no idea, in {len(body)} parts."}
    nothing = {**PULL, "diff": PULL["diff"].replace("text.ts", "gone.ts")}
    (line / "pulls.json").write_text(json.dumps([nothing]))
    configure(line, server, method="all", pulls="pulls.json")
    patches = f"logs/bug_gen/{tiny.REPO}_all_patches.json"
    done = workflows.snakemake(line, patches)
    assert done.returncode == 0, done.stdout
    assert {row["strategy"][:8] for row in json.loads((line / patches).read_text())} == {"func_pm_"}
    for method in ("llm_modify", "llm_rewrite", "pr"):
        summary = json.loads((line / f"logs/bug_gen/{tiny.REPO}/{method}.json").read_text())
        assert (summary["candidates"], summary["funnel"]["out"]) == ([], 0)
    configure(line, server, method="llm-modify", n_bugs=2)
    done = workflows.snakemake(line, patches)
    assert done.returncode == 1
    assert "is a bug (no_code: 10)" in done.stdout


@pytest.mark.parametrize(
    ("bug_generation", "issues", "said"),
    [
        ({"method": "llm-modify"}, {}, "bug_generation.method llm-modify asks a model: set llm_model there"),
        ({}, {"mode": "llm"}, "repos.tiny: issues.mode llm asks a model: set model there, or llm.model"),
        ({"method": "pr"}, {}, "key repos.tiny.bug_generation.pulls is missing: the method pr reads pull requests"),
        ({"method": "all", "llm_config": "x.yml", "llm_model": "m"}, {}, "wanted is a file for each"),
        ({"max_bugs": 0}, {}, "key repos.tiny.bug_generation.max_bugs: wanted is at least 1"),
    ],
)
def test_what_a_model_needs_is_asked_for_in_a_dry_run(
    bug_generation: dict[str, Any], issues: dict[str, Any], said: str, tmp_path: Path
) -> None:
    workflows.make_folder(tmp_path)
    config = workflows.read_config(tmp_path)
    config["repos"]["tiny"] |= {"bug_generation": bug_generation, "issues": issues}
    workflows.write_config(tmp_path, config)
    done = workflows.snakemake(tmp_path, "-n")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("error: ") and said in line]


def test_a_missing_key_stops_a_run_before_any_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    workflows.make_folder(tmp_path)
    config = workflows.read_config(tmp_path)
    config["llm"] = {"model": "anthropic/claude-sonnet-4-5"}
    config["repos"]["tiny"]["issues"] = {"mode": "llm"}
    workflows.write_config(tmp_path, config)
    done = workflows.snakemake(tmp_path, DATASET)
    assert done.returncode == 1
    missing = "MISSING  model anthropic/claude-sonnet-4-5: ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN is not set"
    assert missing in done.stdout
    assert not (tmp_path / "logs").exists()
    assert workflows.snakemake(tmp_path, "-n", DATASET).returncode == 0


@pytest.mark.sandbox
@pytest.mark.network
def test_a_new_cap_asks_and_makes_nothing_again(line: Path, server: ModelServer) -> None:
    configure(line, server, max_bugs=1)
    assert workflows.snakemake(line, BUGS).returncode == 0
    configure(line, server, max_bugs=1, llm_max_cost_usd=7)
    config = workflows.read_config(line)
    config["llm"] |= {"max_cost_usd": 9, "requests_per_minute": 600}
    workflows.write_config(line, config)
    assert "Nothing to be done" in workflows.snakemake(line, BUGS).stdout
    workflows.forget(line, [BUGS])
    done = workflows.snakemake(line, BUGS, "-p")
    assert "--requests-per-minute 600 --max-cost 9 --stage-max-cost 7" in done.stdout
    assert (done.returncode, server.answered) == (0, 1)
