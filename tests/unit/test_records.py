"""Records: readers take what SWE-smith and SWE-agent write, and name the file and the first offender otherwise."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracesmith import records
from tracesmith.errors import InputError

NAME = "npm__x.v1.0.0.func_pm_x__abcdefgh"
OTHER = "npm__x.v1.0.0.func_pm_y__abcdefgh"
CANDIDATE = {"instance_id": NAME, "patch": "diff", "repo": "npm__x.v1.0.0"}
INSTANCE = {**CANDIDATE, "FAIL_TO_PASS": ["a > b"], "PASS_TO_PASS": [], "image_name": "i", "repo": "o/r"}
PREDICTION = {"instance_id": NAME, "model_patch": "diff", "model_name_or_path": "m"}


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value, ensure_ascii=False))
    return path


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    "name", [NAME, "a", "A_b-c.d", "_x", "0", "a" * 200, "demo__ts-demo.range.bug_0", "owner__repo.v1.lm_modify__1"]
)
def test_an_id_that_is_safe_as_a_name_is_taken(name: str) -> None:
    assert records.check_instance_id(name, "here") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "../a",
        "a..b",
        "a.",
        ".a",
        "-a",
        "a b",
        "a\n",
        "\na",
        "a\0",
        "a" * 201,
        "\u00e9",
        "a.lock",
        "$(a)",
        "a\\b",
        "a:b",
        "a~1",
        "a^",
        None,
        5,
        True,
        ["a"],
        {"a": 1},
    ],
)
def test_an_id_that_is_not_safe_is_refused_with_its_place(name: Any) -> None:
    with pytest.raises(InputError, match=r"^file record 3: .* is no instance id"):
        records.check_instance_id(name, "file record 3")


def test_minimal_candidates_are_filled_in(tmp_path: Path) -> None:
    rows = [{"instance_id": OTHER, "model_patch": "diff", "repo": "o/npm__x.v1.0.0"}, CANDIDATE]
    found = records.read_candidates(write(tmp_path / "x.json", rows))
    assert [row["instance_id"] for row in found] == [OTHER, NAME]
    assert [row["patch"] for row in found] == ["diff", "diff"]
    assert [row["strategy"] for row in found] == ["func_pm_y", "func_pm_x"]
    assert (found[0]["cost"], found[0]["rewrite"], found[0]["output"], found[0]["explanation"]) == (0.0, "", "", "")


def test_keys_that_are_not_known_are_kept(tmp_path: Path) -> None:
    extra = {"created_at": "2020", "nested": {"a": [1]}}
    assert records.read_candidates(write(tmp_path / "c.json", [{**CANDIDATE, **extra}]))[0].items() >= extra.items()
    assert records.read_instances(write(tmp_path / "i.json", [{**INSTANCE, **extra}]))[0].items() >= extra.items()
    found = records.read_predictions(write(tmp_path / "p.json", {NAME: {**PREDICTION, **extra}}))
    assert found[NAME].items() >= extra.items()


def test_instances_are_read_from_json_and_jsonl(tmp_path: Path) -> None:
    row = {**INSTANCE, "problem_statement": "line\u2028separator"}
    found = [
        records.read_instances(write(tmp_path / "x.json", [row]), statements=True),
        records.read_instances(lines(tmp_path / "x.jsonl", row), statements=True),
    ]
    assert found == [[row], [row]]


def test_predictions_are_read_from_json_and_jsonl_and_may_be_null(tmp_path: Path) -> None:
    silent = {"instance_id": OTHER, "model_name_or_path": "m"}
    expected = {NAME: {**PREDICTION, "model_patch": "\u2028"}, OTHER: {**silent, "model_patch": None}}
    rows = [{**PREDICTION, "model_patch": "\u2028"}, silent]
    assert records.read_predictions(write(tmp_path / "x.json", dict(zip((NAME, OTHER), rows, strict=True)))) == expected
    assert records.read_predictions(lines(tmp_path / "x.jsonl", *rows)) == expected


def without(row: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


LISTS: list[tuple[Callable[[Path], Any], dict[str, Any]]] = [
    (records.read_candidates, CANDIDATE),
    (lambda path: records.read_instances(path, statements=True), {**INSTANCE, "problem_statement": "p"}),
]


@pytest.mark.parametrize(("read", "row"), LISTS)
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda row: {NAME: row}, ": a list of objects is wanted, this is an object"),
        (lambda _: "text", ": a list of objects is wanted, this is a text"),
        (lambda _: None, ": a list of objects is wanted, this is null"),
        (lambda _: [], ": there is no record in it"),
        (lambda row: [row, 5], " record 2: an object is wanted, this is a number"),
        (lambda row: [row, [row]], " record 2: an object is wanted, this is a list"),
        (lambda row: [without(row, "instance_id")], " record 1: key 'instance_id': None is no instance id"),
        (lambda row: [{**row, "instance_id": "../x"}], " record 1: key 'instance_id': '../x' is no instance id"),
        (lambda row: [row, {**row, "instance_id": OTHER}, row], f" record 3: {NAME} stands already in record 1"),
        (lambda row: [without(row, "patch")], f" {NAME}: key '"),
        (lambda row: [{**row, "patch": ["diff"]}], f" {NAME}: key 'patch': a text is wanted, this is a list"),
        (lambda row: [without(row, "repo")], f" {NAME}: key 'repo': a text is wanted, this is null or missing"),
        (lambda row: [{**row, "repo": True}], f" {NAME}: key 'repo': a text is wanted, this is a boolean"),
    ],
)
def test_a_broken_list_is_refused_with_the_file_and_the_record(
    tmp_path: Path, read: Callable[[Path], Any], row: dict[str, Any], make: Callable[[Any], Any], said: str
) -> None:
    path = write(tmp_path / "x.json", make(row))
    with pytest.raises(InputError, match=re.escape(f"{path}{said}")):
        read(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patch": " \n"}, "the key 'patch' is empty"),
        ({"image_name": None}, "key 'image_name'"),
        ({"FAIL_TO_PASS": []}, "FAIL_TO_PASS is empty"),
        ({"FAIL_TO_PASS": "a > b"}, "key 'FAIL_TO_PASS': a list of texts is wanted, this is a text"),
        ({"FAIL_TO_PASS": ["a", 5]}, "key 'FAIL_TO_PASS': a list of texts"),
        ({"PASS_TO_PASS": None}, "key 'PASS_TO_PASS': a list of texts"),
        ({"problem_statement": None}, "key 'problem_statement'"),
        ({"tracesmith": []}, "key 'tracesmith': an object is wanted, this is a list"),
    ],
)
def test_a_broken_instance_is_refused_with_its_id_and_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = write(tmp_path / "x.json", [{**INSTANCE, "problem_statement": "p", **change}])
    with pytest.raises(InputError, match=re.escape(f"{path} {NAME}: {said}")):
        records.read_instances(path, statements=True)


@pytest.mark.parametrize("key", ["strategy", "explanation", "output", "rewrite"])
def test_a_candidates_own_keys_are_texts(tmp_path: Path, key: str) -> None:
    path = write(tmp_path / "x.json", [{**CANDIDATE, key: 5}])
    with pytest.raises(InputError, match=re.escape(f"{path} {NAME}: key {key!r}: a text is wanted")):
        records.read_candidates(path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([PREDICTION], "an object {instance_id: prediction} is wanted, this is a list"),
        ({}, "there is no record in it"),
        ({NAME: None}, "record 1: an object is wanted"),
        ({OTHER: PREDICTION}, f"the entry {OTHER!r} holds the prediction of {NAME!r}"),
        ({NAME: without(PREDICTION, "instance_id")}, "record 1: key 'instance_id'"),
        ({NAME: without(PREDICTION, "model_name_or_path")}, f"{NAME}: key 'model_name_or_path'"),
        ({NAME: {**PREDICTION, "model_patch": {"a": 1}}}, f"{NAME}: key 'model_patch': a text is wanted"),
    ],
)
def test_broken_predictions_are_refused_with_their_entry(tmp_path: Path, value: Any, said: str) -> None:
    path = write(tmp_path / "preds.json", value)
    with pytest.raises(InputError, match=re.escape(said)) as raised:
        records.read_predictions(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "an evaluation report is an object, this is a list"),
        ({}, "key 'ids_resolved': a list of texts is wanted, this is null or missing"),
        ({"ids_resolved": [NAME], "ids_unresolved": 3}, "key 'ids_unresolved': a list of texts is wanted"),
        ({"ids_resolved": ["a/b"], "ids_unresolved": []}, "key 'ids_resolved': 'a/b' is no instance id"),
        ({"ids_resolved": [NAME], "ids_unresolved": [NAME]}, f"{NAME} is listed as resolved and as unresolved"),
    ],
)
def test_a_broken_report_is_refused(tmp_path: Path, value: Any, said: str) -> None:
    path = write(tmp_path / "report.json", value)
    with pytest.raises(InputError, match=re.escape(f"{path}: {said}")):
        records.read_run_report(path)


def test_unknown_ids_are_counted_and_the_first_is_named() -> None:
    records.check_known([NAME], [NAME, OTHER], "preds", "dataset")
    with pytest.raises(InputError, match=f"preds: 2 instance ids are not in dataset, the first is {NAME}"):
        records.check_known([OTHER, NAME], [], "preds", "dataset")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ids_resolved": ["a__b.c", "a__b.c"]}, "names a__b.c twice"),
        ({"resolved": 5}, "key 'resolved' is not the number of ids"),
        ({"unresolved": 1}, "key 'unresolved' is not the number of ids"),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    report = {"resolved": 1, "unresolved": 0, "total": 1, "ids_resolved": ["a__b.c"], "ids_unresolved": []}
    (tmp_path / "report.json").write_text(json.dumps({**report, **changes}))
    with pytest.raises(InputError, match=said):
        records.read_run_report(tmp_path / "report.json")


def test_an_id_that_stands_twice_in_preds_is_refused(tmp_path: Path) -> None:
    row = json.dumps({"instance_id": "a__b.c", "model_patch": "x", "model_name_or_path": "m"})
    (tmp_path / "preds.json").write_text(f'{{"a__b.c": {row}, "a__b.c": {row}}}')
    with pytest.raises(InputError, match=r"the key 'a__b\.c' stands twice"):
        records.read_predictions(tmp_path / "preds.json")
