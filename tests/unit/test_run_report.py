"""The report of a run: counts that follow every instance, and a page on which nothing from outside is markup."""

import base64
import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from report_inputs import opened, unpacked
from tracesmith import files, summaries
from tracesmith.errors import InputError
from tracesmith.reports import instances, run_report, turns, visible
from tracesmith.reports.run_files import RunFiles

PATCH = "diff --git a/src/x.ts b/src/x.ts\n--- a/src/x.ts\n+++ b/src/x.ts\n@@ -1 +1 @@\n-one\n+two\n"
HOSTILE = (
    '<script>alert(1)</script>"><img src=x onerror=alert(1)></details></td></table>\x1b[31mred\u202e\ud800{{ 7*7 }}'
)
VOID = {"meta", "input"}


def instance(name: str, **more: Any) -> dict[str, Any]:
    ours = {"strategy": "func_pm_op_swap", "hidden_tests": ["src/x.spec.ts"]}
    fixed = {"patch": PATCH, "FAIL_TO_PASS": ["f"], "PASS_TO_PASS": ["p", "q"], "image_name": "i", "repo": "o/r"}
    return {"instance_id": name, **fixed, "problem_statement": "It is wrong.", "tracesmith": ours, **more}


def row(name: str, resolved: bool | None, **more: Any) -> dict[str, Any]:
    ours = {"engine": "sweagent", "exit_status": "submitted"}
    return {"instance_id": name, "messages": [], "resolved": resolved, "model": "claude", "tracesmith": ours, **more}


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(files.json_line(one) for one in rows))
    return path


def js(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def prediction(name: str, patch: str | None = PATCH) -> dict[str, Any]:
    return {"instance_id": name, "model_patch": patch, "model_name_or_path": "RUN"}


def evaluation(**by_outcome: list[str]) -> dict[str, Any]:
    bad = [name for outcome, names in by_outcome.items() if outcome != "resolved" for name in names]
    return {
        "ids_resolved": by_outcome.get("resolved", []),
        "ids_unresolved": bad,
        "tracesmith": {"ids_by_outcome": by_outcome},
    }


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """Make a run of six instances: a, b and c resolved (c without a row), d timed out, e ungraded, f never run."""
    names = list("abcdef")
    verdicts = [{"instance_id": name, "verdict": "valid"} for name in [*names, "g"]]
    bad = [{"instance_id": f"bad{number}", "verdict": "no_fail_to_pass"} for number in range(3)]
    validation = {
        "funnel": {"in": 12, "out": 7, "dropped": {"no_fail_to_pass": 3, "not_needed": 2}},
        "instances": verdicts + bad,
    }
    all_rows = [row("a", True), row("b", True), row("d", False)]
    rows = lines(tmp_path / "rows.jsonl", all_rows)
    js(summaries.meta_path(rows), {"dropped": [{"instance_id": "c", "reason": "bad_roles"}]})
    return RunFiles(
        dataset=js(tmp_path / "dataset.json", [instance(name) for name in names]),
        predictions=js(tmp_path / "preds.json", {name: prediction(name) for name in "abcde"}),
        evaluation=js(tmp_path / "evaluation.json", evaluation(resolved=["a", "b", "c"], timed_out=["d"])),
        rows=rows,
        resolved=lines(tmp_path / "resolved.jsonl", all_rows[:1]),
        bugs=[js(tmp_path / "bugs.json", {"funnel": {"in": 20, "out": 13, "dropped": {"duplicate": 7}}})],
        validation=[js(tmp_path / "validation.json", validation)],
    )


def with_files(run: RunFiles, **more: Any) -> RunFiles:
    return RunFiles(**{**vars(run), **more})


def reported(run: RunFiles) -> tuple[dict[str, Any], str]:
    output, summary = run.dataset.parent / "out" / "RUN.html", run.dataset.parent / "out" / "RUN.json"
    run_report.report("RUN", run, output, summary)
    return files.read_json(summary), opened(output.read_text(encoding="utf-8"))


def steps(summary: dict[str, Any]) -> dict[str, tuple[int | None, dict[str, int]]]:
    return {step["step"]: (step["count"], step["dropped"]) for step in summary["funnel"]}


class Page(HTMLParser):
    """The elements of a page; an end tag that closes another element than the open one is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_drop_has_its_reason_and_the_steps_add_up(run: RunFiles) -> None:
    summary, _ = reported(run)
    assert steps(summary) == {
        "candidates": (12, {"duplicate": 7, "not_collected": 1}),
        "valid_instances": (6, {"no_fail_to_pass": 3, "not_needed": 2, "not_in_dataset": 1}),
        "trajectories": (5, {"no_prediction": 1}),
        "resolved": (3, {"not_evaluated": 1, "timed_out": 1}),
        "rows": (1, {"bad_roles": 1, "filtered_out": 1}),
    }
    before = 20
    for count, dropped in steps(summary).values():
        assert count == before - sum(dropped.values())
        before = count


def test_what_the_confirmation_dropped_is_told_apart_from_what_the_dataset_leaves_out(run: RunFiles) -> None:
    rows = [{"instance_id": name, "verdict": "confirmed"} for name in "abcdef"]
    rows += [{"instance_id": "g", "verdict": "not_confirmed"}]
    path = run.dataset.parent / "confirmation.json"
    funnel = {"in": 7, "out": 6, "dropped": {"not_confirmed": 1}}
    run = with_files(run, confirmation=js(path, {"funnel": funnel, "instances": rows}))
    summary, page = reported(run)
    assert steps(summary)["valid_instances"] == (6, {"no_fail_to_pass": 3, "not_needed": 2, "not_confirmed": 1})
    assert "clean runs of the suite leave no test" in page
    assert "confirmation" in summary["made_by"]["inputs"]
    js(path, {"funnel": funnel, "instances": rows[1:]})
    with pytest.raises(InputError, match=r"the confirmed bugs of .*confirmation\.json"):
        reported(run)


def test_each_instance_has_its_verdict_and_why_it_is_no_row(run: RunFiles) -> None:
    summary, _ = reported(run)
    assert [(one["instance_id"], one["outcome"], one["row"], one["why_not"]) for one in summary["verdicts"]] == [
        ("a", "resolved", True, None),
        ("b", "resolved", False, "filtered_out"),
        ("c", "resolved", False, "bad_roles"),
        ("d", "timed_out", False, "timed_out"),
        ("e", "not_evaluated", False, "not_evaluated"),
        ("f", "no_prediction", False, "no_prediction"),
    ]
    first, third = summary["verdicts"][0], summary["verdicts"][2]
    assert (first["fail_to_pass"], first["pass_to_pass"], first["hidden_tests"]) == (1, 2, ["src/x.spec.ts"])
    assert first["exit_status"] == "submitted" and "exit_status" not in third


def test_how_evenly_the_bugs_are_spread_is_shown_where_it_is_known(run: RunFiles) -> None:
    summary, page = reported(run)
    assert summary["spread"] == {} and "Spread of the bugs" not in page
    found = json.loads(run.bugs[0].read_text())
    spread = {"files": {"found": 4, "chosen": 3, "entropy": 1.2, "at_most": 1.585}}
    js(run.bugs[0], {**found, "spread": spread})
    summary, page = reported(run)
    assert summary["spread"] == {run.bugs[0].stem: spread}
    assert "3 of 4" in page and "1.20 of 1.58" in page
    js(run.bugs[0], {**found, "spread": {"files": {"found": "4"}}})
    with pytest.raises(InputError, match="key 'spread'"):
        reported(run)


def test_what_the_grader_noticed_in_a_patch_is_shown_with_its_instance(run: RunFiles) -> None:
    found = json.loads(run.evaluation.read_text())
    found["tracesmith"]["ids_by_flag"] = {"spawns_process": ["a"], "edits_tests": ["a", "b"]}
    js(run.evaluation, found)
    summary, page = reported(run)
    flags = {row["instance_id"]: row["flags"] for row in summary["verdicts"]}
    assert (flags["a"], flags["b"], flags["c"]) == (["edits_tests", "spawns_process"], ["edits_tests"], [])
    assert "Flags of the patch: edits tests, spawns process<" in page
    assert [(one["flag"], one["kind"], one["count"]) for one in summary["flags"]] == [
        ("edits_tests", "left_out", 2),
        ("spawns_process", "noted", 1),
    ]
    assert 'href="#f:flag%3A%22edits_tests%22"' in page and 'data-flag="edits_tests\nspawns_process"' in page
    found["tracesmith"]["ids_by_flag"] = {"edits_tests": "a"}
    js(run.evaluation, found)
    with pytest.raises(InputError, match=r"key 'tracesmith\.ids_by_flag\.edits_tests': a list of texts"):
        reported(run)


def test_a_run_that_enters_with_a_dataset_invents_no_numbers(run: RunFiles) -> None:
    summary, page = reported(with_files(run, bugs=[], validation=[]))
    assert steps(summary)["candidates"] == (None, {})
    assert steps(summary)["valid_instances"] == (6, {})
    assert "the run enters with a dataset that exists" in page and "what it dropped is not known" in page
    assert "bugs" not in summary["files"] and "validation" not in summary["files"]


def test_without_resolved_rows_the_report_says_that_the_filter_was_not_run(run: RunFiles) -> None:
    summary, page = reported(with_files(run, resolved=None))
    assert steps(summary)["rows"] == (2, {"bad_roles": 1})
    assert "filter_resolved was not run" in page
    assert "resolved" not in summary["files"]


def test_a_run_without_any_resolved_instance_is_reported(run: RunFiles) -> None:
    js(run.evaluation, evaluation(empty_patch=list("abcde")))
    lines(run.rows, [row(name, False) for name in "abcde"])
    summary, page = reported(with_files(run, resolved=None))
    assert steps(summary)["resolved"] == (0, {"empty_patch": 5}) and steps(summary)["rows"] == (0, {})
    assert not any(one["row"] for one in summary["verdicts"])
    assert "0 rows of resolved instances" in page


def test_two_samples_of_an_instance_are_two_rows(run: RunFiles) -> None:
    assert run.resolved
    lines(run.resolved, [row("a", True), row("a", True), row("b", True)])
    summary, _ = reported(run)
    assert steps(summary)["rows"] == (3, {"bad_roles": 1})
    assert summary["funnel"][4]["note"] == "rows of 2 instances"


def test_a_scripted_engine_is_named_as_such(run: RunFiles) -> None:
    assert "no training data" not in reported(run)[1]
    lines(run.rows, [row(name, True, tracesmith={"engine": "oracle"}) for name in "ab"])
    summary, page = reported(run)
    assert summary["engines"] == ["oracle"]
    assert "Scripted engine" in page and "no training data" in page


def test_the_engine_is_that_of_the_predictions_when_the_rows_have_none(run: RunFiles) -> None:
    lines(run.rows, [{key: value for key, value in row(name, True).items() if key != "tracesmith"} for name in "ab"])
    js(summaries.meta_path(run.predictions), {"made_by": {"settings": {"engine": "null"}}})
    summary, page = reported(run)
    assert summary["engines"] == ["null"] and "Scripted engine" in page
    assert "predictions_meta" in summary["made_by"]["inputs"]


def test_nothing_from_outside_is_markup_or_a_control_character(run: RunFiles) -> None:
    plain = Page(reported(run)[1])
    hidden = {"strategy": HOSTILE, "hidden_tests": [HOSTILE, HOSTILE]}
    hostile = {"problem_statement": HOSTILE, "patch": HOSTILE, "repo": HOSTILE, "FAIL_TO_PASS": [HOSTILE]}
    js(run.dataset, [instance("a", tracesmith=hidden, **hostile), *(instance(name) for name in "bcdef")])
    js(run.predictions, {name: prediction(name, HOSTILE) for name in "abcde"})
    js(run.evaluation, evaluation(**{"resolved": ["a", "b", "c"], HOSTILE: ["d"]}))
    lines(run.rows, [row("a", True, model=HOSTILE, tracesmith={"engine": HOSTILE, "exit_status": HOSTILE})])
    js(summaries.meta_path(run.rows), {"dropped": [{"instance_id": "c", "reason": HOSTILE}]})
    environment = {"image_name": HOSTILE, "node": HOSTILE, "test": {"command": [HOSTILE]}}
    given = js(run.dataset.parent / "<img>.json", environment)
    summary, source = reported(with_files(run, environment=given))
    page = Page(source)
    shown = visible.text(HOSTILE)
    assert page.text.count(shown) >= 14
    assert "␛[31mred\\u202e\\ud800{{ 7*7 }}" in page.text
    for tag in ("script", "details", "table"):
        assert page.tags.count(tag) == plain.tags.count(tag), tag
    assert "img" not in page.tags and not any(name.startswith("on") for name, _ in page.attributes)
    assert not set(source) & {"\x1b", "\u202e", "\ud800"}
    assert summary["verdicts"][0]["strategy"] == HOSTILE


def with_training(run: RunFiles, count: int = 5, word: str = "submitted") -> RunFiles:
    """Return the files of a run whose model was trained and tried."""
    lines = [
        {"step": number, "loss": 3 - number / count, "lr": 0.001, "peak_rss_gb": 0.7} for number in range(1, count + 1)
    ]
    curves = js(run.dataset.parent / "curves.json", {"format_version": 1, "steps": lines})
    side = {"answers": 10, "valid_actions": 4, "resolved": 1, "exit_statuses": {word: 2}}
    models = {"base": {**side, "resolved": 0}, "tuned": side}
    trial = {"checkpoint": word, "instances": 2, "models": models, "gained": ["a"], "lost": []}
    return with_files(run, curves=curves, model_evaluation=js(run.dataset.parent / "trial.json", trial))


def test_a_training_is_shown_by_its_curves_and_its_model_beside_the_base(run: RunFiles) -> None:
    summary, source = reported(with_training(run))
    page = Page(source)
    assert "Loss: 2.8 at the first step, 2 at the last of 5" in page.text and "Memory of the process (GiB)" in page.text
    assert "4 of 10" in page.text and "1 of 2" in page.text and "0 of 2" in page.text
    assert summary["training"]["Loss"] == {"steps": 5, "first": 2.8, "last": 2.0, "lowest": 2.0, "highest": 2.8}
    assert summary["model_evaluation"]["gained"] == ["a"]
    assert summary["files"]["curves"].endswith("curves.json")


def test_a_run_without_a_training_says_nothing_of_one(run: RunFiles) -> None:
    summary, source = reported(run)
    assert not {"training", "model_evaluation"} & set(summary)
    assert "Training" not in Page(source).text


def test_the_curves_of_a_long_training_stay_small_and_what_is_said_of_the_trial_is_text(run: RunFiles) -> None:
    _, plain = reported(with_training(run))
    _, source = reported(with_training(run, 20_000, HOSTILE))
    assert len(source) < len(plain) + 20_000
    assert "img" not in Page(source).tags and Page(source).text.count(visible.text(HOSTILE)) == 3


def test_the_page_needs_nothing_but_itself(run: RunFiles) -> None:
    page = Page(reported(run)[1])
    attributes = dict(page.attributes)
    assert not {"src", "srcset", "action"} & set(attributes)
    assert all(str(value).startswith(("#i:", "#f:", "#each")) for name, value in page.attributes if name == "href")
    assert "@import" not in page.text and "http" not in page.text
    assert attributes["lang"] == "en" and {"title", "caption", "h1"} <= set(page.tags)
    assert page.tags.count("caption") == page.tags.count("table") == 7
    scopes = [value for name, value in page.attributes if name == "scope"]
    assert scopes.count("row") + scopes.count("col") == page.tags.count("th")
    assert page.tags.count("details") == 6


def test_the_browser_runs_no_script_but_the_pages_own(run: RunFiles) -> None:
    _, source = reported(run)
    script = source.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(value for name, value in Page(source).attributes if name == "content" and "default-src" in str(value))
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_figures_are_files_whose_names_and_texts_are_no_ones_markup(run: RunFiles, tmp_path: Path) -> None:
    amounts = {"exit_status": "submitted", "tokens": {"../../x<b>": 100}}
    lines(run.rows, [row(name, True, tracesmith=amounts) for name in "ab"])
    hostile = [instance("a", tracesmith={"strategy": f"{HOSTILE} $x^2$"}), *map(instance, "bcdef")]
    js(run.dataset, hostile)
    about = {"settings": {"limit": {"max_seq_len": 50}}}
    assert run.resolved
    js(summaries.meta_path(run.resolved), {"made_by": about})
    folder = tmp_path / "figures"
    run_report.report("RUN", run, tmp_path / "out" / "RUN.html", tmp_path / "out" / "RUN.json", folder)
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "difficulty.svg",
        "files_changed.svg",
        "funnel.svg",
        "methods.svg",
        "operators.svg",
        "tokens_------x-b-.svg",
    ]
    for path in folder.iterdir():
        tags = set(Page(path.read_text()).tags)
        assert tags <= {"svg", "style", "defs", "clippath", "rect", "g", "path", "text", "use"}, path
    text = Page((folder / "operators.svg").read_text()).text
    assert "$x^2$" in text and "var(--bar)" in (folder / "operators.svg").read_text()
    summary = files.read_json(tmp_path / "out" / "RUN.json")
    assert summary["agents"]["tokens"]["../../x<b>"]["longer"] == 2
    assert "2 are longer than max_seq_len, 50" in Page((tmp_path / "out" / "RUN.html").read_text()).text


def test_the_same_inputs_give_the_same_bytes(run: RunFiles, tmp_path: Path) -> None:
    reported(run)
    output, summary = tmp_path / "out" / "RUN.html", tmp_path / "out" / "RUN.json"
    first = output.read_bytes(), summary.read_bytes()
    reported(run)
    assert (output.read_bytes(), summary.read_bytes()) == first


def test_long_texts_are_cut_and_say_where_the_rest_is(run: RunFiles) -> None:
    long = PATCH + "+x\n" * 20_000
    js(run.dataset, [instance("a", patch=long, FAIL_TO_PASS=[f"t{i}" for i in range(50)]), *map(instance, "bcdef")])
    summary, source = reported(run)
    text = Page(source).text
    assert f"{len(long) - instances.TEXT_SHOWN:,} more characters are in {run.dataset}" in text
    assert "t19" in text and "t20" not in text and f"30 more are in {run.dataset}" in text
    assert summary["verdicts"][0]["fail_to_pass"] == 50


def test_a_page_of_a_thousand_instances_stays_small(run: RunFiles) -> None:
    names = [f"i{number}" for number in range(1000)]
    js(run.dataset, [instance(name, PASS_TO_PASS=[f"p{test}" for test in range(500)]) for name in names])
    js(run.predictions, {name: prediction(name) for name in names})
    js(run.evaluation, evaluation(resolved=names))
    lines(run.rows, [row(name, True) for name in names])
    _, source = reported(with_files(run, bugs=[], validation=[], resolved=None))
    assert Page(source).tags.count("details") == 1000
    assert len(source) < 5_000_000


def turns_of(source: str) -> list[dict[str, Any]]:
    """Return the trajectories of a page, in its order."""
    opening = '<script type="application/json+gzip">'
    return [json.loads(unpacked(part.split("</script>")[0])) for part in source.split(opening)[1:]]


def test_the_turns_of_a_row_are_in_the_page_whatever_its_style(run: RunFiles) -> None:
    said = "I look.\n\n<function=bash>\n<parameter=command>ls</parameter>\n</function>"
    called = {"function": {"name": "bash", "arguments": '{"command": "ls"}'}}
    talks = [
        [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": said}],
        [{"role": "assistant", "content": "I look.", "tool_calls": [called]}],
        [{"role": "assistant", "content": "I look.\n\n```bash\nls\n```"}],
        [{"role": "assistant", "content": None}],
    ]
    lines(run.rows, [{**row("a", True), "messages": talk} for talk in talks])
    _, source = reported(run)
    shown = [talk["turns"] for talk in turns_of(source)]
    assert shown[0][0]["text"] == visible.text(HOSTILE)
    assert [(turns[-1]["text"], turns[-1]["action"]) for turns in shown] == [
        ("I look.", said.partition("\n\n")[2]),
        ("I look.", "bash\ncommand: ls"),
        ("I look.", "```bash\nls\n```"),
        ("", ""),
    ]


def test_a_page_of_a_thousand_long_trajectories_opens(run: RunFiles) -> None:
    names = [f"i{number}" for number in range(1000)]
    js(run.dataset, [instance(name) for name in names])
    js(run.predictions, {name: prediction(name) for name in names})
    js(run.evaluation, evaluation(resolved=names))
    seen = [
        "\n".join(hashlib.sha256(f"{number}/{line}".encode()).hexdigest() for line in range(50)) for number in range(58)
    ]
    talk = [{"role": "user" if number % 2 else "assistant", "content": text} for number, text in enumerate(seen)]
    lines(run.rows, [{**row(name, True), "messages": talk} for name in names])
    _, source = reported(with_files(run, bugs=[], validation=[], resolved=None))
    assert len(source) < 20_000_000
    last = turns_of(source)[-1]["turns"]
    assert sum(len(turn["text"]) for turn in last) < 30_000
    assert "characters are left out here" in last[0]["text"] and last[0]["text"].startswith(seen[0][:100])


def test_short_texts_stay_whole_where_long_ones_are_cut() -> None:
    made = [{"role": "user", "text": "x" * size, "action": ""} for size in (10, 300, 5000)]
    cut = turns._cut(made, 2000)
    assert [turn["text"] for turn in cut[:2]] == [turn["text"] for turn in made[:2]]
    assert cut[2]["text"].count("x") in (1689, 1690)


def test_what_a_patch_leaves_failing_is_shown(run: RunFiles) -> None:
    report = run.evaluation.parent / "d" / "report.json"
    report.parent.mkdir()
    status = {"FAIL_TO_PASS": {"success": [], "failure": ["still"]}, "PASS_TO_PASS": {"failure": ["broke"]}}
    js(report, {"resolved": False, "tests_status": status})
    text = Page(reported(run)[1]).text
    assert "Tests that the patch leaves failing\nstill" in text and "Tests that the patch breaks\nbroke" in text
    js(report, {"tests_status": {"FAIL_TO_PASS": {"failure": "still"}}})
    with pytest.raises(InputError, match=r"d/report.json: key 'tests_status.FAIL_TO_PASS.failure': a list of texts"):
        reported(run)


def test_the_figures_of_a_run_add_up(run: RunFiles) -> None:
    names = ["r.op_a__1", "r.op_a__2", "r.op_b__3"]
    hard = {"difficulty": {"lines": 2, "distance": None}}
    js(run.dataset, [instance(name, tracesmith={**hard, "strategy": name[2:6]}) for name in names])
    js(run.predictions, {name: prediction(name) for name in names})
    js(run.evaluation, evaluation(resolved=names[:1], unresolved=names[1:]))
    judged = [{"instance_id": name, "verdict": "valid"} for name in names]
    judged.append({"instance_id": "r.op_b__4", "verdict": "no_fail_to_pass"})
    js(run.validation[0], {"funnel": {"in": 4, "out": 3, "dropped": {"no_fail_to_pass": 1}}, "instances": judged})
    amounts = {"exit_status": "submitted", "cost": 0.5, "tokens": {"qwen3": 100}}
    lines(run.rows, [row(name, name == names[0], tracesmith=amounts) for name in names])
    summary, source = reported(with_files(run, bugs=[], resolved=None))
    counts = [(one["name"], one["tried"], one["valid"], one["resolved"]) for one in summary["operators"]]
    assert counts == [("op_a", 2, 2, 1), ("op_b", 2, 1, 0)]
    assert [(one["range"], one["resolved"], one["instances"]) for one in summary["difficulty"]] == [
        ("2 to 3", 1, 3),
        ("1", 1, 3),
    ]
    assert summary["agents"]["exit_statuses"] == {"submitted": 3}
    assert summary["agents"]["cost"] == {"count": 3, "median": 0.5, "sum": 1.5}
    assert summary["agents"]["tokens"]["qwen3"] == {
        "count": 3,
        "median": 100,
        "max": 100,
        "max_seq_len": None,
        "longer": None,
    }
    assert summary["methods"] == [{"name": "model", "tried": 4, "valid": 3, "instances": 3, "resolved": 1}]
    assert summary["files_changed"] == [{"name": "src/x.ts", "instances": 3, "resolved": 1}]
    assert "1.50 USD in all" in Page(source).text


def test_the_sign_of_a_missing_line_end_stays_with_its_line() -> None:
    sign = "\\ No newline at end of file"
    bug = f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n{sign}\n+new\n"
    assert instances.reverse(bug) == f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-new\n+old\n{sign}\n"


def test_reverted_pulls_are_one_operator() -> None:
    assert [instances.operator_of(name) for name in ("pr_12", "pr_x", "func_pm_op")] == ["pr", "pr_x", "func_pm_op"]


def test_the_fix_is_the_bug_undone() -> None:
    new = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+--- x\n"
    bug = f"{PATCH}@@ -5,2 +5,3 @@ f()\n same\n-a\n+b\n+c\n{new}"
    fix = instances.reverse(bug)
    assert "@@ -5,3 +5,2 @@ f()\n same\n-b\n-c\n+a\n" in fix
    assert "deleted file mode 100644\n--- a/n\n+++ /dev/null\n@@ -1 +0,0 @@\n---- x\n" in fix
    assert instances.reverse(fix) == bug


def test_added_and_removed_lines_are_told_from_the_diffs_head() -> None:
    text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n--- gone\n+++ come\n"
    text += "diff --git a/y b/y\n--- a/y\n"
    kinds = [kind for kind, _ in instances.diff_lines(text)]
    assert kinds == ["head", "head", "head", "hunk", "same", "removed", "added", "head", "head"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("curves", {"steps": []}, "curves.json: key steps"),
        ("curves", {"steps": [{"step": 1, "loss": "low"}]}, "curves.json: key steps.0.loss"),
        ("model_evaluation", {"instances": 1}, "trial.json: key checkpoint is missing"),
        ("dataset", [instance("a", tracesmith={"strategy": 1})], "preds.json: 4 instance ids are not in"),
        ("predictions", {"z": prediction("z")}, "the first is z"),
        ("evaluation", evaluation(resolved=["f"]), "the first is f"),
        ("evaluation", {**evaluation(resolved=["a"]), "tracesmith": []}, "key 'tracesmith': an object is wanted"),
        (
            "evaluation",
            {**evaluation(resolved=["a"]), "tracesmith": {"ids_by_outcome": {"timed_out": ["a"]}}},
            "a stands elsewhere",
        ),
        ("evaluation", evaluation(resolved=["d"], unresolved=["a"]), "contradicts 'resolved' of a"),
        ("validation", {"funnel": {}, "instances": []}, "6 instance ids are not in the valid candidates of"),
        ("validation", {"funnel": {}}, "no report of validate_bugs"),
        ("bugs", {"funnel": {"in": 3, "out": 1, "dropped": {"duplicate": 1}}}, "in is not out plus dropped"),
        ("bugs", {"funnel": {"in": 3, "out": "3", "dropped": {}}}, "whole numbers are wanted"),
        ("bugs", [], "an object is wanted"),
        ("rows", [], "line 1: an object is wanted"),
        ("rows", {"instance_id": "a", "resolved": "yes"}, "line 1: the key 'resolved' must be true, false or null"),
        ("rows", row("zz", None), "the first is zz"),
        ("rows", row("a", True, model=1), "line 1: key 'model': a text is wanted"),
        ("resolved", row("d", None), "not in the resolved ids of"),
        ("resolved", row("c", True), "the first is c"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_is_written(run: RunFiles, name: str, value: Any, said: str) -> None:
    run = with_training(run)
    js(run.named()[name], value)
    with pytest.raises(InputError) as caught:
        reported(run)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (run.dataset.parent / "out").exists()


def test_a_malformed_sidecar_is_named(run: RunFiles) -> None:
    js(summaries.meta_path(run.rows), {"dropped": [1]})
    with pytest.raises(InputError, match=r"rows\.jsonl\.meta\.json: key 'dropped'"):
        reported(run)


def test_a_strategy_or_issue_that_is_no_text_is_refused(run: RunFiles) -> None:
    for more in ({"tracesmith": {"strategy": 1}}, {"problem_statement": 5}):
        js(run.dataset, [instance("a", **more), *map(instance, "bcdef")])
        with pytest.raises(InputError, match=r"^a: "):
            reported(run)


def test_an_output_that_is_an_input_is_refused(run: RunFiles) -> None:
    before = run.rows.read_bytes()
    for output, summary in ((run.rows, Path("x.json")), (Path("x.html"), run.rows), (Path("x"), Path("x"))):
        with pytest.raises(InputError, match=r"is an input too"):
            run_report.report("RUN", run, output, summary)
    assert run.rows.read_bytes() == before


def test_a_run_id_that_is_no_name_is_refused(run: RunFiles, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run id"):
        run_report.report("../x", run, tmp_path / "x.html", tmp_path / "x.json")
