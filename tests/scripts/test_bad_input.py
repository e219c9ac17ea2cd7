"""
Every script over broken inputs: exit code 2, one line that names the file and the record, and nothing written.

The inputs are those of a finished run (tests/data/line), one of them broken at a time. Its environment names a Docker
engine that does not answer, so that a script that would open a sandbox before it has read its inputs ends with 1.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import llm_server
from line_inputs import (
    CONFIRMATION,
    CONFIRMED,
    DATASET,
    ENVIRONMENT,
    EVALUATION,
    FIRST,
    INSTANCES,
    ISSUES,
    LINE,
    PATCHES,
    PREDICTIONS,
    PROCEDURAL,
    PULLS,
    READERS,
    REPO,
    ROOT,
    ROWS,
    SAID,
    SCRIPTS,
    SECOND,
    TREE,
    VALIDATION,
    VERDICT,
    Script,
    check_refused,
    contents,
    edit,
    put,
    run,
    run_in_fork,
)
from llm_server import ModelServer

LISTS = (PATCHES, INSTANCES, DATASET)
"""JSON lists of records with an instance_id."""
IN_PATCHES = json.loads((LINE / PATCHES).read_text())[1]["instance_id"]
"""The second record there."""


@dataclass(frozen=True)
class Case:
    """One broken input of one script."""

    script: str
    file: str
    broken: str
    change: Callable[[Path], None]
    said: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.script}-{Path(self.file).name}-{self.broken}"


def text(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def unlink(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def drop(*keys: Any) -> Callable[[Any], None]:
    *path, last = keys

    def apply(found: Any) -> None:
        for key in path:
            found = found[key]
        del found[last]

    return apply


def reject(row: dict[str, Any]) -> Callable[[Any], None]:
    """Return a change that takes the last text away and refuses it by a row."""

    def apply(found: Any) -> None:
        found["issues"].pop()
        found["rejected"] = [row]

    return apply


def put_all_rejected(found: Any) -> None:
    found["rejected"] = [{"instance_id": row["instance_id"], "reason": "empty"} for row in found["issues"]]
    found["issues"] = []


BAD_IDS = ["a/b", "..", "../a", "a b", "-rf", "", ".hidden", "x" * 300, 5, None, ["a"]]


def anywhere() -> list[Case]:
    """What is wrong with any file: missing, empty, truncated, no text, another kind of value."""
    cases = []
    for file, scripts in READERS.items():
        kinds: list[tuple[str, Callable[[Path], None], str]] = [
            ("missing", unlink, "no such file"),
            ("folder", folder, "folder"),
            ("empty", text(b""), ""),
            ("blank", text(b"\n \n"), ""),
            ("truncated", cut if file.endswith(("json", "jsonl")) else text(b"a: [b"), ""),
            ("not UTF-8", text(b'{"a": "\xff\xfe"}'), "not UTF-8"),
            ("a number", text(b"5"), ""),
            ("null", text(b"null"), ""),
            ("a text", text(b'"text"'), ""),
            ("an empty list", text(b"[]"), ""),
            ("an empty object", text(b"{}"), ""),
            ("a list of numbers", text(b"[1, 2]"), ""),
            ("an object of numbers", text(b'{"a": 1}'), ""),
            ("nested too deeply", text(b"[" * 50_000), ""),
        ]
        cases += [Case(script, file, *kind[:2], (kind[2],)) for script in scripts for kind in kinds]
    return cases


def in_lists() -> list[Case]:
    """What is wrong with a record of a list."""
    cases = []
    for file in LISTS:
        name = IN_PATCHES if file == PATCHES else SECOND
        kinds: list[tuple[str, Callable[[Any], Any], str]] = [
            ("a record that is no object", put(1, 5), "record 2"),
            ("a record that is null", put(1, None), "record 2"),
            ("no id", drop(1, "instance_id"), "record 2"),
            ("the same id twice", lambda rows: [*rows, rows[0]], "record 3"),
            ("no patch", drop(1, "patch"), name),
            ("a patch that is no text", put(1, "patch", ["x"]), name),
            ("no repo", drop(1, "repo"), name),
            *((f"the id {str(bad)[:9]}", put(1, "instance_id", bad), "record 2") for bad in BAD_IDS),
        ]
        if file != PATCHES:
            kinds += [
                ("empty F2P", put(1, "FAIL_TO_PASS", []), name),
                ("F2P that is a text", put(1, "FAIL_TO_PASS", "a"), name),
                ("F2P of numbers", put(1, "FAIL_TO_PASS", [1]), name),
                ("no P2P", drop(1, "PASS_TO_PASS"), name),
                ("no image", drop(1, "image_name"), name),
                ("an empty patch", put(1, "patch", " \n"), name),
            ]
        cases += [Case(script, file, kind, edit(do), (said,)) for script in READERS[file] for kind, do, said in kinds]
    return cases


def in_particular() -> list[Case]:
    """What is wrong with one kind of file."""
    other = f"{REPO}.func_pm_other__00000000"
    kinds: list[tuple[str, str, Callable[[Any], Any], str]] = [
        (PATCHES, "another repository", put(1, "repo", "npm__other.v1.0.0"), IN_PATCHES),
        (PATCHES, "a strategy that is no text", put(1, "strategy", 5), IN_PATCHES),
        (DATASET, "F2P in no test file", put(1, "FAIL_TO_PASS", ["suite > works"]), SECOND),
        (DATASET, "F2P outside of the tree", put(1, "FAIL_TO_PASS", ["../../x.spec.ts > works"]), SECOND),
        (DATASET, "'tracesmith' that is no object", put(1, "tracesmith", 5), SECOND),
        (INSTANCES, "'tracesmith' that is no object", put(1, "tracesmith", 5), SECOND),
        (VALIDATION, "no instances", drop("instances"), ""),
        (VALIDATION, "instances of numbers", put("instances", [1]), ""),
        (VALIDATION, "no verdict", drop("instances", 0, "verdict"), ""),
        (VALIDATION, "an unknown id", put("instances", 0, "instance_id", other), other),
        (VALIDATION, "an id that leads out", put("instances", 0, "instance_id", "../x"), "record 1"),
        (VALIDATION, "an id that is a list", put("instances", 0, "instance_id", ["x"]), "record 1"),
        (VERDICT, "no F2P", drop("FAIL_TO_PASS"), ""),
        (VERDICT, "P2P of numbers", put("PASS_TO_PASS", [1]), ""),
        (VERDICT, "no 'tracesmith'", drop("tracesmith"), ""),
        (VERDICT, "failures that are a text", put("tracesmith", "failures", "x"), ""),
        (CONFIRMATION, "no instances", drop("instances"), ""),
        (CONFIRMATION, "instances of numbers", put("instances", [1]), ""),
        (CONFIRMATION, "no verdict", drop("instances", 0, "verdict"), ""),
        (CONFIRMATION, "an unknown id", put("instances", 0, "instance_id", other), other),
        (CONFIRMATION, "an id that is a list", put("instances", 0, "instance_id", ["x"]), ""),
        (CONFIRMATION, "another environment", put("made_by", "inputs", "environment", "0" * 64), ENVIRONMENT),
        (CONFIRMATION, "inputs that are a text", put("made_by", "inputs", "x"), ""),
        (CONFIRMED, "no F2P", drop("FAIL_TO_PASS"), ""),
        (CONFIRMED, "P2P of numbers", put("PASS_TO_PASS", [1]), ""),
        (CONFIRMED, "no confirmation", drop("tracesmith", "confirmation"), ""),
        (CONFIRMED, "failures that are a text", put("tracesmith", "failures", "x"), ""),
        (CONFIRMED, "F2P in no test file", put("FAIL_TO_PASS", ["suite > works"]), FIRST),
        (EVALUATION, "'tracesmith' that is null", put("tracesmith", None), "key 'tracesmith'"),
        (ISSUES, "no mode", drop("mode"), ""),
        (ISSUES, "a text missing", lambda value: value["issues"].pop() and None, SECOND),
        (ISSUES, "an unknown id", put("issues", 0, "instance_id", other), other),
        (ISSUES, "the same id twice", lambda value: value["issues"].append(value["issues"][0]), "record 3"),
        (ISSUES, "a text that is null", put("issues", 1, "problem_statement", None), SECOND),
        (ISSUES, "an empty text", put("issues", 1, "problem_statement", " "), SECOND),
        (ISSUES, "an id that is a list", put("issues", 0, "instance_id", ["x"]), "record 1"),
        (ISSUES, "checks that are a text", put("issues", 1, "checks", "x"), SECOND),
        (ISSUES, "a row that is no object", put("issues", 1, 5), "record 2"),
        (
            ISSUES,
            "a refusal of an instance with a text",
            put("rejected", [{"instance_id": FIRST, "reason": "x"}]),
            FIRST,
        ),
        (ISSUES, "a refusal without a reason", reject({"instance_id": SECOND}), SECOND),
        (ISSUES, "every text refused", put_all_rejected, "every text was refused"),
        (PREDICTIONS, "a list", lambda value: list(value.values()), ""),
        (PREDICTIONS, "an unknown id", lambda value: {other: {**value[FIRST], "instance_id": other}}, other),
        (PREDICTIONS, "an entry of another id", put(FIRST, "instance_id", SECOND), SECOND),
        (PREDICTIONS, "no model", drop(FIRST, "model_name_or_path"), FIRST),
        (PREDICTIONS, "a patch that is no text", put(FIRST, "model_patch", ["x"]), FIRST),
        (PREDICTIONS, "an entry that is null", put(FIRST, None), "record 1"),
        (EVALUATION, "no ids", drop("ids_resolved"), "ids_resolved"),
        (EVALUATION, "ids that are numbers", put("ids_resolved", [1]), "ids_resolved"),
        (EVALUATION, "an id that leads out", put("ids_resolved", ["../x"]), "../x"),
        (EVALUATION, "an id on both sides", put("ids_unresolved", [FIRST]), FIRST),
        (ENVIRONMENT, "no settings of the tests", drop("test"), ""),
        (ENVIRONMENT, "an unknown key", put("extra", 1), ""),
        (ENVIRONMENT, "a source that is a number", put("source", 5), ""),
        (ENVIRONMENT, "a source that is gone", put("source", "nowhere"), "nowhere"),
        (ENVIRONMENT, "a mirror that is gone", put("mirror", "nowhere"), "nowhere"),
        (PATCHES, "a reference that is a text", put(1, "instance_ref", "x"), IN_PATCHES),
        (PATCHES, "a reference without a number", put(1, "instance_ref", {"problem_statement": "x"}), IN_PATCHES),
        (PATCHES, "parts that are numbers", put(1, "patch_files", [1]), IN_PATCHES),
        (PULLS, "a number that is a text", put(1, "number", "2"), "record 2: key 'number'"),
        (PULLS, "no title", drop(1, "title"), "record 2: key 'title'"),
        (PULLS, "a body that is a list", put(1, "body", ["x"]), "record 2: key 'body'"),
        (PULLS, "no diff", drop(1, "diff"), "record 2: key 'diff'"),
        (PULLS, "a diff that is none", put(1, "diff", "x"), "record 2: key 'diff'"),
        (PULLS, "a commit that is a number", put(1, "base_commit", 5), "record 2: key 'base_commit'"),
        (PULLS, "a record that is null", put(1, None), "record 2"),
        (PULLS, "nothing to undo", lambda rows: [row.update(diff="") for row in rows] and None, "no_source_files: 2"),
        (PROCEDURAL, "an id that leads out", put("candidates", 1, "instance_id", "../x"), "candidate 2"),
        (PROCEDURAL, "no diff", drop("candidates", 1, "diff"), "candidate 2"),
        (PROCEDURAL, "a diff that is gone", put("candidates", 1, "diff", "nowhere.diff"), "nowhere.diff"),
    ]
    cases = [Case(script, file, name, edit(do), (said,)) for file, name, do, said in kinds for script in READERS[file]]
    no_gate = [
        Case(script, ENVIRONMENT, name, edit(do), (said,))
        for script in ("validate_bugs", "confirm_bugs", "evaluate_predictions")
        for name, do, said in (
            ("no gate", put("gate", None), "has no gate"),
            ("no runs of the gate", put("gate", "runs", None), "key gate.runs: wanted is integer"),
            ("no test command", put("test", "command", []), "key test.command"),
        )
    ]
    no_statement = edit(drop(1, "problem_statement"))
    another_source = edit(put(1, "tracesmith", "source_hash", "0" * 64))
    none_valid = edit(lambda value: [row.update(verdict="x") for row in value["instances"]] and None)
    return [
        *cases,
        *no_gate,
        Case("run_agent", DATASET, "no problem statement", no_statement, (SECOND,)),
        Case("evaluate_predictions", DATASET, "another source", another_source, (SECOND, "build the environment")),
        *(
            Case(script, VALIDATION, "nothing valid", none_valid, ("none of the 2 candidates is valid",))
            for script in ("confirm_bugs", "gather_instances")
        ),
        Case("gather_instances", SAID, "missing", unlink, ("run confirm_bugs again",)),
    ]


def in_lines() -> list[Case]:
    """What is wrong with a line of SFT rows."""

    def second(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
        def apply(path: Path) -> None:
            lines = path.read_text().splitlines()
            row = json.loads(lines[1])
            changed = change(row)
            path.write_text(f"{lines[0]}\n\n{json.dumps(row if changed is None else changed)}\n")

        return apply

    kinds: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
        ("a line that is no object", lambda _: [1]),
        ("no id", drop("instance_id")),
        ("an id that leads out", put("instance_id", "../x")),
        ("no messages", drop("messages")),
        ("no message", put("messages", [])),
        ("resolved that is a text", put("resolved", "yes")),
        ("a verdict of another run", put("resolved", False)),
    ]
    of_rows = [Case("filter_resolved", ROWS, name, second(change), ("line 3",)) for name, change in kinds]
    no_text: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
        ("a message that is a text", put("messages", 1, "x")),
        ("a content that is null", put("messages", 1, "content", None)),
        ("a role that is none", put("messages", 1, "role", "human")),
    ]
    for script in ("split_rows", "export_rows"):
        shared = [
            kind for kind in kinds if kind[0] in ("a line that is no object", "no id", "no messages", "no message")
        ]
        of_rows += [Case(script, ROWS, name, second(change), ("line 3",)) for name, change in [*shared, *no_text]]
    return of_rows


CASES = [*anywhere(), *in_lists(), *in_particular(), *in_lines()]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_broken_input_is_refused_in_one_line_and_nothing_is_written(shared: Path, case: Case) -> None:
    case.change(shared / case.file)
    before = contents(shared)
    done = run_in_fork(shared, case.script, SCRIPTS[case.script].command())
    check_refused(done, *case.said)
    assert case.file in done.stderr or any(word and word in done.stderr for word in case.said)
    assert contents(shared) == before


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_fresh_process_refuses_as_well(shared: Path, name: str) -> None:
    other = str(Path(PREDICTIONS).parent) if name == "import_trajectories" else TREE
    file = next((file for file, scripts in READERS.items() if name in scripts), other)
    shutil.rmtree(shared / file) if (shared / file).is_dir() else (shared / file).unlink()
    before = contents(shared)
    done = run(shared, name, SCRIPTS[name].command())
    check_refused(done, file)
    assert done.stdout == ""
    assert contents(shared) == before


WORK_WITHOUT_A_SANDBOX = [
    name
    for name in sorted(SCRIPTS)
    if name
    not in (
        "build_environment",
        "validate_bugs",
        "confirm_bugs",
        "check_workspaces",
        "run_agent",
        "evaluate_predictions",
    )
]


@pytest.mark.parametrize("name", WORK_WITHOUT_A_SANDBOX)
def test_the_run_itself_is_taken(work: Path, name: str) -> None:
    done = run_in_fork(work, name, SCRIPTS[name].command())
    assert done.returncode == 0, done.stderr
    assert (work / SCRIPTS[name].output).stat().st_size > 0


@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - set(WORK_WITHOUT_A_SANDBOX)))
def test_good_input_gets_as_far_as_the_sandbox(work: Path, name: str) -> None:
    done = run_in_fork(work, name, SCRIPTS[name].command())
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "Docker" in done.stderr or "docker" in done.stderr
    assert not (work / SCRIPTS[name].output).exists()


SEPARATOR = "one\u2028two\u2029three"


def test_line_separators_of_unicode_are_texts_like_any_other(work: Path) -> None:
    rows = [json.loads(line) for line in (work / ROWS).read_text().split("\n") if line]
    rows[0]["messages"][1]["content"] = SEPARATOR
    (work / ROWS).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    done = run_in_fork(work, "filter_resolved", SCRIPTS["filter_resolved"].command())
    assert done.returncode == 0, done.stderr
    assert (work / "out" / "result.json").read_bytes() == (work / ROWS).read_bytes()


@pytest.mark.parametrize("script", ["run_agent", "evaluate_predictions"])
def test_datasets_and_predictions_may_be_jsonl_with_line_separators(work: Path, script: str) -> None:
    rows = json.loads((work / DATASET).read_text())
    predictions = json.loads((work / PREDICTIONS).read_text()).values()
    rows[0]["problem_statement"] = SEPARATOR
    for name, values in (("dataset.jsonl", rows), ("preds.jsonl", predictions)):
        (work / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in values))
    replaced = [
        {DATASET: "dataset.jsonl", PREDICTIONS: "preds.jsonl"}.get(word, word) for word in SCRIPTS[script].command()
    ]
    done = run_in_fork(work, script, replaced)
    assert done.returncode == 1, done.stderr
    assert "ocker" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("repo", ["npm__other.v1.0.0", REPO])
def test_a_report_never_joins_those_of_another_dataset(work: Path, repo: str) -> None:
    entry = work / "out" / f"{repo}.func_pm_x__00000000" / "entry.json"
    entry.parent.mkdir(parents=True)
    entry.write_text("{}")
    before = contents(work)
    done = run_in_fork(work, "evaluate_predictions", SCRIPTS["evaluate_predictions"].command())
    check_refused(done, str(entry.parent.parent.name), entry.parent.name, DATASET, "give --output a folder")
    assert contents(work) == before


SANDBOXES = ("validate_bugs", "confirm_bugs", "run_agent", "evaluate_predictions")
LIMITED = ("validate_bugs", "confirm_bugs", "evaluate_predictions")
WRONG_ARGUMENTS = [
    *((script, "workers", value) for script in SANDBOXES for value in ("0", "-1", "1.5", "x", "")),
    *((script, "shard", value) for script in SANDBOXES for value in ("5/4", "0/4", "1", "a/b", "1/0")),
    *((script, "timeout", value) for script in LIMITED for value in ("nan", "-1", "0", "inf", "x")),
    *(("validate_bugs", flag, "0") for flag in ("max-instances", "reference-timeout")),
    *(("confirm_bugs", "runs", value) for value in ("0", "-1", "x")),
    *(("confirm_bugs", "decoys", value) for value in ("-1", "x")),
    *(("confirm_bugs", "least-discrimination", value) for value in ("1.5", "-1", "nan", "x")),
    *(("generate_bugs", flag, value) for flag in ("max-bugs", "per-operator") for value in ("0", "-1", "x")),
    *(("combine_bugs", flag, "0") for flag in ("bugs", "depth", "max-bugs", "per-place")),
    ("combine_bugs", "bugs", "1"),
    ("combine_bugs", "strategies", "combine_all"),
    ("combine_bugs", "seed", "x"),
    ("revert_pulls", "max-bugs", "0"),
    ("generate_bugs", "seed", "x"),
    ("write_issues", "seed", "1.5"),
    ("write_issues", "shard", "3/2"),
    ("write_issues", "mode", "llm!"),
    ("run_agent", "engine", "nobody"),
    ("convert_trajectories", "style", "json"),
    ("convert_trajectories", "template", "none"),
    *(("filter_resolved", "max-seq-len", value) for value in ("0", "-1", "x")),
    *(("filter_resolved", "similar", value) for value in ("0", "1.5")),
    ("filter_resolved", "per-instance", "0"),
    ("filter_resolved", "over-length", "cut"),
    ("split_rows", "share", "0"),
    ("export_rows", "format", "csv"),
    *(("build_environment", flag, value) for flag in ("memory", "disk") for value in ("0", "x", "-1g")),
    *(("build_environment", flag, value) for flag in ("pids", "cpus") for value in ("0", "nan")),
    *(("build_environment", flag, value) for flag in ("reference-runs", "timeout") for value in ("0", "-1", "x")),
    *(("build_environment", "min-passing", value) for value in ("0", "1.01", "95", "nan")),
    ("build_environment", "backend", "podman"),
    *((script, "unknown-flag", "1") for script in SCRIPTS),
]


@pytest.mark.parametrize(("script", "flag", "value"), WRONG_ARGUMENTS)
def test_wrong_arguments_are_refused_before_anything_is_read(shared: Path, script: str, flag: str, value: str) -> None:
    before = contents(shared)
    done = run_in_fork(shared, script, [*SCRIPTS[script].command(), f"--{flag}={value}"])
    assert done.returncode == 2
    assert f"--{flag}" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(shared) == before


@pytest.mark.parametrize("script", LIMITED)
def test_a_time_limit_below_the_pristine_suites_time_is_refused_before_any_work(shared: Path, script: str) -> None:
    before = contents(shared)
    done = run_in_fork(shared, script, SCRIPTS[script].command(timeout="2"))
    check_refused(done, ENVIRONMENT, "the pristine suite took 2.5 s", "--timeout")
    assert contents(shared) == before


@pytest.mark.parametrize("script", sorted(SCRIPTS))
@pytest.mark.parametrize("output", ["logs", f"{EVALUATION}/below/x.json"])
def test_an_output_that_cannot_be_a_file_is_refused_before_any_work(shared: Path, script: str, output: str) -> None:
    before = contents(shared)
    done = run_in_fork(shared, script, SCRIPTS[script].command(output=output))
    assert done.returncode == 2, done.stderr
    assert f"argument --output: {output!r} cannot be written" in done.stderr
    assert contents(shared) == before


@pytest.mark.parametrize("repo", ["", "x", "../x__y", "a/b__c", "x__..y", "x__y z"])
@pytest.mark.parametrize("script", ["generate_bugs", "revert_pulls", "collect_patches"])
def test_a_repo_name_that_is_none_is_refused(shared: Path, script: str, repo: str) -> None:
    before = contents(shared)
    done = run_in_fork(shared, script, [*SCRIPTS[script].command(), f"--repo={repo}"])
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert contents(shared) == before


ISSUE_PROMPT = "issue_prompt.yaml"
DEMONSTRATIONS = "demonstrations.yaml"
OUTPUT_OF_FIRST = f"logs/run_validation/{REPO}/{FIRST}/test_output.txt"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


def with_a_model(work: Path, url: str, mode: str = "llm", **replaced: str) -> list[str]:
    """Return a command of write_issues that would ask a model; its prompt and its demonstrations are ours."""
    shutil.copy(ROOT / "configs" / "issue_gen" / "ig_v2.yaml", work / ISSUE_PROMPT)
    shutil.copy(ROOT / "configs" / "issue_gen" / "demonstrations.yaml", work / DEMONSTRATIONS)
    words = [INSTANCES, "--mode", mode, "--environment", ENVIRONMENT, "--prompt", ISSUE_PROMPT]
    words += ["--validation", f"logs/run_validation/{REPO}", "--demonstrations", DEMONSTRATIONS]
    words += ["--model", "openai/unheard-of", "--price", "1", "1", "--api-base", f"{url}/v1"]
    return Script("write_issues", tuple(words)).command(**replaced)


def replace(old: str, new: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1)) and None


WITH_A_MODEL: list[tuple[str, Callable[[Path], None], str]] = [
    (ISSUE_PROMPT, unlink, "no such file"),
    (ISSUE_PROMPT, text(b"system: s\ninstance: [\n"), f"{ISSUE_PROMPT} line 3: not YAML"),
    (ISSUE_PROMPT, text(b"system: s\n"), f"{ISSUE_PROMPT} line 1: key instance is missing"),
    (ISSUE_PROMPT, replace("demonstration: |-", "demonstrations: |-"), "unknown key demonstrations"),
    (ISSUE_PROMPT, replace("max_var_tokens: 10_000", "max_var_tokens: many"), "line 5: key settings.max_var_tokens"),
    (ISSUE_PROMPT, replace("{{ patch }}", "{{ pathc }}"), "key 'instance': no such variable 'pathc'; there are:"),
    (ISSUE_PROMPT, replace("{{ patch }}", "{{ patch }"), "key 'instance': line"),
    (ISSUE_PROMPT, replace("{{ patch }}", "{{ patch[0].name }}"), "key 'instance': the text cannot be filled"),
    (DEMONSTRATIONS, unlink, "no such file"),
    (DEMONSTRATIONS, text(b"- a\n- 7\n"), f"{DEMONSTRATIONS} record 2"),
    (DEMONSTRATIONS, text(b"- [\n"), f"{DEMONSTRATIONS} line 2: not YAML"),
    (ENVIRONMENT, edit(put("repo", "npm__other.v1.0.0")), FIRST),
    (ENVIRONMENT, edit(put("source", "nowhere")), "nowhere"),
    (OUTPUT_OF_FIRST, unlink, f"{OUTPUT_OF_FIRST}: no such file"),
]


@pytest.mark.parametrize(("file", "change", "said"), WITH_A_MODEL)
def test_what_a_model_would_be_asked_with_is_read_before_any_call(
    work: Path, model: ModelServer, file: str, change: Callable[[Path], None], said: str
) -> None:
    command = with_a_model(work, model.url)
    change(work / file)
    before = contents(work)
    check_refused(run_in_fork(work, "write_issues", command), said)
    assert contents(work) == before
    assert not model.calls


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"model": "nobody/unheard-of"}, "nobody/unheard-of"),
        ({"model": "anthropic/claude-sonnet-4-5"}, "set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN"),
        ({"api-base": "localhost"}, "localhost"),
        ({"prompt": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
@pytest.mark.parametrize("mode", ["llm", "tests"])
def test_a_model_that_cannot_be_asked_is_refused_before_any_call(
    work: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch, mode: str, flags: dict[str, str], said: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    command = with_a_model(work, model.url, mode, **flags)
    before = contents(work)
    check_refused(run_in_fork(work, "write_issues", command), said)
    assert contents(work) == before
    assert not model.calls


def test_a_model_without_a_price_is_refused_before_any_call(work: Path, model: ModelServer) -> None:
    command = with_a_model(work, model.url)
    position = command.index("--price")
    before = contents(work)
    done = run_in_fork(work, "write_issues", [*command[:position], *command[position + 3 :]])
    check_refused(done, "openai/unheard-of", "price")
    assert contents(work) == before
    assert not model.calls


def test_issue_texts_of_the_first_format_are_taken(work: Path) -> None:
    def to_first(value: Any) -> None:
        del value["rejected"], value["funnel"]
        for row in value["issues"]:
            del row["checks"]

    edit(to_first)(work / ISSUES)
    done = run_in_fork(work, "assemble_dataset", SCRIPTS["assemble_dataset"].command())
    assert done.returncode == 0, done.stderr
    rows = json.loads((work / "out" / "result.json").read_text())
    assert [row["tracesmith"]["issue"] for row in rows] == [{"mode": "static"}] * 2


def test_a_refused_text_leaves_its_instance_out_and_is_counted(work: Path) -> None:
    edit(reject({"instance_id": SECOND, "reason": "names_a_test", "checks": {}}))(work / ISSUES)
    done = run_in_fork(work, "assemble_dataset", SCRIPTS["assemble_dataset"].command())
    assert done.returncode == 0, done.stderr
    rows = json.loads((work / "out" / "result.json").read_text())
    assert [row["instance_id"] for row in rows] == [FIRST]
    assert rows[0]["tracesmith"]["issue"].keys() > {"mode", "patch_overlap"}
    meta = json.loads((work / "out" / "result.json.meta.json").read_text())
    assert (meta["funnel"], meta["instances"]) == ({"in": 2, "out": 1, "dropped": {"names_a_test": 1}}, 1)
