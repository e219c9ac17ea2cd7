"""Generation: one seed gives one set of candidates, the folders hold what the summary says, nothing vanishes."""

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tracesmith import files, grammar, records
from tracesmith.bugs import generation, harvesting, selection, sources
from tracesmith.bugs.generation import BugSettings
from tracesmith.bugs.normal import NormalForms
from tracesmith.errors import InputError

FIXTURES = Path(__file__).parent.parent / "data" / "ts_sources"
REPO = "local__sources.0a1b2c3d"
MANY = BugSettings(source_globs=["src/**"], max_bugs=120)


def generate(output: Path, settings: BugSettings = MANY, source: Path = FIXTURES) -> dict[str, Any]:
    generation.generate(source, REPO, settings, output)
    summary = json.loads(output.read_text())
    assert summary["funnel"]["in"] == summary["funnel"]["out"] + sum(summary["funnel"]["dropped"].values())
    assert summary["funnel"]["in"] == sum(counts["proposed"] for counts in summary["operators"].values())
    assert summary["funnel"]["out"] == sum(counts["kept"] for counts in summary["operators"].values())
    assert summary["funnel"]["out"] == len(summary["candidates"]) > 0
    return dict(summary)


def stored(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {".lock"}


def write(folder: Path, sources_: dict[str, str | bytes]) -> Path:
    for path, code in sources_.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(code if isinstance(code, bytes) else code.encode())
    return folder


def test_the_folders_hold_exactly_what_the_summary_lists(tmp_path: Path) -> None:
    summary = generate(tmp_path / "procedural.json")
    listed = {row[key] for row in summary["candidates"] for key in ("diff", "metadata")}
    assert stored(tmp_path) == listed | {"procedural.json"}
    found = harvesting.harvest(REPO, sources.read_folder(FIXTURES, ["**"], []).files).candidates
    edits = {candidate.instance_id: candidate for candidate in found}
    for row in summary["candidates"]:
        metadata = json.loads((tmp_path / row["metadata"]).read_text())
        assert list(metadata) == ["cost", "explanation", "output", "rewrite", "strategy"]
        assert (metadata["cost"], metadata["output"], metadata["strategy"]) == (0.0, "", row["strategy"])
        patch = (tmp_path / row["diff"]).read_bytes().decode()
        assert row["instance_id"] == f"{REPO}.{row['strategy']}__{files.short_hash(patch)}"
        records.check_instance_id(row["instance_id"], "here")
        made = edits[row["instance_id"]]
        assert metadata["rewrite"].encode() in made.file.edited(made.edit)
        assert metadata["rewrite"].startswith(made.entity.signature.split("(")[0])
        assert metadata["rewrite"].encode() != made.file.data[made.entity.start_byte : made.entity.end_byte]
        folder, entity, name = row["diff"].split("/")
        assert folder == row["file"].replace("/", "__")
        assert entity.rsplit("_", 1)[0] == row["entity"]
        assert name == f"bug__{row['instance_id'].rsplit('.', 1)[1]}.diff"


def test_candidates_that_are_no_longer_chosen_are_removed_and_other_methods_left_alone(tmp_path: Path) -> None:
    before = generate(tmp_path / "procedural.json")
    folder = tmp_path / Path(before["candidates"][0]["diff"]).parent
    foreign = {folder / "bug__lm_modify__aaaaaaaa.diff", folder / "metadata__lm_modify__aaaaaaaa.json"}
    for path in (*foreign, folder / ".bug__func_pm_op_flip__aaaaaaaa.diff.1234.tmp", tmp_path / "llm_modify.json"):
        path.write_text("x")
    after = generate(tmp_path / "procedural.json", BugSettings(source_globs=["src/**"], max_bugs=5))
    listed = {row[key] for row in after["candidates"] for key in ("diff", "metadata")}
    others = {path.relative_to(tmp_path).as_posix() for path in foreign}
    assert stored(tmp_path) == listed | others | {"procedural.json", "llm_modify.json"}
    assert all(any(path.iterdir()) for path in tmp_path.rglob("*") if path.is_dir())


def test_a_run_that_is_stopped_half_way_leaves_no_summary(tmp_path: Path) -> None:
    summary = generate(tmp_path / "procedural.json")
    first = tmp_path / summary["candidates"][0]["diff"]
    shutil.rmtree(first.parent)
    first.parent.write_text("in the way")
    with pytest.raises(InputError, match="a part of its path is a file"):
        generation.generate(FIXTURES, REPO, MANY, tmp_path / "procedural.json")
    assert not (tmp_path / "procedural.json").exists()


def test_same_seed_gives_the_same_bytes_and_another_seed_another_choice(tmp_path: Path) -> None:
    def made(folder: str, seed: int) -> list[str]:
        settings = BugSettings(source_globs=["src/**"], max_bugs=30, seed=seed)
        summary = generate(tmp_path / folder / "procedural.json", settings)
        return [row["instance_id"] for row in summary["candidates"]]

    assert made("one", 1) == made("two", 1)
    for path in stored(tmp_path / "one") | stored(tmp_path / "two"):
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    assert len(set(made("three", 2)) & set(made("one", 1))) < 30


def test_choice_does_not_depend_on_the_order_of_files_or_candidates() -> None:
    found = sources.read_folder(FIXTURES, ["**"], []).files
    one = harvesting.harvest(REPO, found).candidates
    other = harvesting.harvest(REPO, reversed(found)).candidates
    assert [candidate.instance_id for candidate in one] == [candidate.instance_id for candidate in other]
    chosen = [candidate.instance_id for candidate in selection.select(one, 7, 50, None)]
    shuffled = sorted(one, key=lambda candidate: candidate.patch)
    assert [candidate.instance_id for candidate in selection.select(shuffled, 7, 50, None)] == chosen


def test_a_smaller_limit_chooses_a_first_part_of_a_larger_one() -> None:
    found = harvesting.harvest(REPO, sources.read_folder(FIXTURES, ["**"], []).files).candidates
    every = selection.select(found, 24, None, None)
    assert len(every) == len(found)
    for limit in (1, 13, 14, 15, 100):
        assert selection.select(found, 24, limit, None) == every[:limit]


def test_first_candidates_are_spread_over_operators_functions_and_files() -> None:
    found = harvesting.harvest(REPO, sources.read_folder(FIXTURES, ["**"], []).files).candidates
    first = selection.select(found, 24, 40, None)
    assert set(Counter(candidate.strategy for candidate in first).values()) == {1}
    places = Counter((candidate.file.path, candidate.entity.start_byte) for candidate in first)
    assert max(places.values()) <= 4
    assert len(places) >= 20
    assert {candidate.file.path for candidate in first} == {"src/badge.tsx", "src/cart.ts", "src/queue.mts"}
    spread = selection.evenness(found, first)
    assert spread["operators"]["entropy"] == spread["operators"]["at_most"] == round(math.log2(40), 3)
    assert spread["functions"]["entropy"] > 0.8 * spread["functions"]["at_most"]
    assert (spread["files"]["found"], spread["files"]["chosen"]) == (3, 3)
    assert spread["files"]["at_most"] == round(math.log2(3), 3) > spread["files"]["entropy"] > 1.2


def test_without_interleaving_the_operators_come_one_after_the_other() -> None:
    found = harvesting.harvest(REPO, sources.read_folder(FIXTURES, ["**"], []).files).candidates
    chosen = [candidate.strategy for candidate in selection.select(found, 24, None, None, interleave=False)]
    assert chosen == sorted(chosen)
    capped = [candidate.strategy for candidate in selection.select(found, 24, 7, 2, interleave=False)]
    assert set(Counter(capped[:6]).values()) == {2}
    assert selection.evenness(found, [])["files"] == {"found": 3, "chosen": 0, "entropy": 0, "at_most": 0}


def test_limit_an_operator_is_kept_and_counted(tmp_path: Path) -> None:
    settings = BugSettings(source_globs=["src/**"], per_operator=3, max_bugs=20)
    summary = generate(tmp_path / "procedural.json", settings)
    assert max(counts["kept"] for counts in summary["operators"].values()) <= 3
    assert summary["funnel"]["out"] == 20
    assert summary["funnel"]["dropped"]["over_per_operator"] > 300
    every = sum(min(counts["proposed"], 3) for counts in summary["operators"].values())
    assert 0 <= every - 20 - summary["funnel"]["dropped"]["over_max_bugs"] < 20  # a few are duplicates


def test_equal_code_in_two_files_gives_different_ids(tmp_path: Path) -> None:
    code = "export const less = (a: number, b: number) => a < b;\n"
    source = write(tmp_path / "in", {"a.ts": code, "b.ts": code})
    summary = generate(tmp_path / "out" / "procedural.json", BugSettings(["**"]), source)
    assert Counter(row["file"] for row in summary["candidates"]) == {"a.ts": 3, "b.ts": 3}
    assert len({row["instance_id"] for row in summary["candidates"]}) == 6


def test_paths_that_share_a_flat_name_share_a_folder_and_lose_nothing(tmp_path: Path) -> None:
    code = "export const less = (a: number, b: number) => a < b;\n"
    source = write(tmp_path / "in", {"a/b.ts": code, "a__b.ts": code})
    summary = generate(tmp_path / "out" / "procedural.json", BugSettings(["**"]), source)
    assert len({row["diff"] for row in summary["candidates"]}) == 6


def test_deep_paths_and_long_names_fit_the_file_system(tmp_path: Path) -> None:
    path = "/".join(["ünterordner" * 4] * 8) + "/x.ts"
    source = write(tmp_path / "in", {path: f"const {'f' * 300} = (a: number) => a < 1;\n"})
    summary = generate(tmp_path / "out" / "procedural.json", BugSettings(["**"]), source)
    assert summary["candidates"][0]["file"] == path


def test_files_that_cannot_be_used_are_counted_with_the_reason(tmp_path: Path) -> None:
    good = "export const f = (a: number) => a < 1;\n"
    source = write(
        tmp_path / "in",
        {
            "good.ts": good,
            "also.mts": good,
            "types.d.ts": "declare const a: number;\n",
            "broken.ts": "const = = 1;\n",
            "latin1.ts": b"export const f = (a) => a < 1; // \xe9\n",
            "good.spec.ts": good,
            "script.js": good,
            "node_modules/x/index.ts": good,
        },
    )
    (source / "link.ts").symlink_to("good.ts")
    summary = generate(tmp_path / "out" / "procedural.json", BugSettings(["**"], ["**/*.spec.ts"]), source)
    reasons = {"declaration_file": 1, "does_not_parse": 1, "not_utf8": 1, "symbolic_link": 1}
    assert summary["files"] == {"read": 2, "not_reached": 0, "skipped": reasons}
    assert {row["file"] for row in summary["candidates"]} == {"good.ts", "also.mts"}


def test_tests_fixtures_stories_benches_and_generated_code_are_no_targets(tmp_path: Path) -> None:
    good = "export const f = (a: number) => a < 1;\n"
    others = [
        "__tests__/a.ts",
        "x/tests/a.ts",
        "fixtures/a.ts",
        "a.stories.tsx",
        "a.bench.ts",
        "a.test-d.ts",
        "a_test.ts",
    ]
    targets = ["latest.ts", "contest/x.ts", "protest.ts", "testing.ts", "specification.ts", "generator.ts"]
    made = {"made.ts": f"// @generated by x\n{good}", "schema.ts": f"/* Code generated by y. */\n{good}"}
    source = write(tmp_path / "in", {**made, **dict.fromkeys([*others, *targets], good)})
    summary = generate(tmp_path / "one" / "procedural.json", BugSettings(["**"]), source)
    assert {row["file"] for row in summary["candidates"]} == set(targets)
    assert summary["files"]["skipped"] == {"generated": 2, "no_target": len(others)}
    named = generate(tmp_path / "two" / "procedural.json", BugSettings(["x/tests/**"]), source)
    assert {row["file"] for row in named["candidates"]} == {"x/tests/a.ts"}


def test_functions_are_drawn_by_the_seed_whatever_the_files(tmp_path: Path) -> None:
    def drawn(seed: int, count: int) -> set[tuple[str, str]]:
        settings = BugSettings(source_globs=["src/**"], max_entities=count, seed=seed)
        summary = generate(tmp_path / f"{seed}-{count}" / "procedural.json", settings)
        return {(row["file"], row["entity"]) for row in summary["candidates"]}

    assert len(drawn(1, 4)) <= 4
    assert drawn(1, 4) <= drawn(1, 9)
    assert drawn(1, 9) != drawn(2, 9)


def test_a_pool_of_few_candidates_has_all_operators_and_files_and_the_same_ones_in_any_order() -> None:
    found = sources.read_folder(FIXTURES, ["**"], []).files
    every = harvesting.harvest(REPO, found).candidates
    limits = harvesting.Limits(max_candidates=150)
    few = harvesting.harvest(REPO, found, limits)
    assert len(few.candidates) == 150
    assert few.funnel.dropped["over_max_candidates"] == len(every) - 150
    assert {one.instance_id for one in few.candidates} < {one.instance_id for one in every}
    assert {one.strategy for one in few.candidates} == {one.strategy for one in every}
    again = harvesting.harvest(REPO, reversed(found), limits)
    assert [one.instance_id for one in again.candidates] == [one.instance_id for one in few.candidates]


def test_files_that_time_does_not_allow_are_counted(tmp_path: Path) -> None:
    summary = generate(tmp_path / "procedural.json", BugSettings(["src/**"], timeout_s=1e-9))
    assert (summary["files"]["read"], summary["files"]["not_reached"]) == (1, 2)
    assert len({row["file"] for row in summary["candidates"]}) == 1


@pytest.mark.parametrize(
    ("code", "edits"),
    [
        ("f((a + b) * c);", [("(a + b)", "((a) + b)"), ("f(", "f /* x */ (")]),
        ("if (a) {\n  b();\n  b();\n}", [("a", "(a)"), ("b();\n", "b()\n;")]),
    ],
)
def test_parentheses_comments_and_white_space_make_no_other_code(code: str, edits: list[tuple[str, str]]) -> None:
    file = sources.parse("x.ts", code.encode())
    assert file is not None
    forms = NormalForms(file)
    for old, new in edits:
        edit = sources.Edit(code.index(old), code.index(old) + len(old), new.encode())
        tree = file.edited_tree(edit)
        assert tree is not None
        assert forms.pristine(edit) == forms.edited(edit, tree)


def test_one_normal_form_is_told_from_another_and_found_again() -> None:
    file = sources.parse("x.ts", b"const x = () => (a + b) * c + f(a + b * c);")
    assert file is not None
    forms, keys = NormalForms(file), []
    for start, end, new in [
        (16, 23, b"a + b"),
        (16, 23, b"((a + b))"),
        (26, 27, b"c /**/"),
        (26, 27, b"d"),
        (16, 27, b"(a+b) * d"),
    ]:
        edit = sources.Edit(start, end, new)
        tree = file.edited_tree(edit)
        assert tree is not None
        before = forms.pristine(edit)
        keys.append("same" if forms.edited(edit, tree) == before else forms.edited(edit, tree))
    assert keys[1:3] == ["same", "same"]
    assert "same" not in (keys[0], keys[3])
    assert keys[3] == keys[4] != keys[0]


def test_edits_that_change_nothing_or_repeat_another_are_counted(tmp_path: Path) -> None:
    code = "export function f(a) {\n  g(a, a);\n  a.x = 1;\n  a.x = 1;\n  return a && a && a;\n}\n"
    source = write(tmp_path / "in", {"x.ts": code})
    summary = generate(tmp_path / "out" / "procedural.json", BugSettings(["**"]), source)
    assert summary["funnel"]["dropped"] == {"duplicate": 3, "unchanged": 2}


def test_edit_that_does_not_parse_is_dropped_and_counted(tmp_path: Path) -> None:
    source = write(tmp_path / "in", {"x.ts": "export function f(a, b) {\n  if (a) b(); else a()\n}\n"})
    summary = generate(tmp_path / "out" / "procedural.json", BugSettings(["**"]), source)
    assert summary["operators"]["func_pm_ctrl_invert_if"] == {"proposed": 1, "kept": 0}
    assert summary["funnel"]["dropped"] == {"does_not_parse": 1}


def test_parse_of_what_changed_tells_the_same_as_a_whole_parse() -> None:
    for file in map(sources.parsed, sources.read_folder(FIXTURES, ["**"], []).files):
        told = set()
        for start in range(0, len(file.data) - 9, 23):
            for replacement in (b"", b"(", b"\n}\n", b"0"):
                edit = sources.Edit(start, start + 2, replacement)
                whole = not grammar.parser_of(file.path).parse(file.edited(edit)).root_node.has_error
                assert (file.edited_tree(edit) is not None) == whole
                told.add(whole)
        assert told == {True, False}


def test_summary_says_what_made_it_and_names_no_place_or_time(tmp_path: Path) -> None:
    summary = generate(tmp_path / "procedural.json", BugSettings(["src/**"], ["**/*.tsx"], max_bugs=9, seed=5))
    settings = summary["made_by"]["settings"]
    assert {
        "seed": 5,
        "max_bugs": 9,
        "source_globs": ["src/**"],
        "exclude_globs": ["**/*.tsx"],
    }.items() <= settings.items()
    assert str(tmp_path) not in json.dumps(summary)
    assert str(FIXTURES) not in json.dumps(summary)
    source = shutil.copytree(FIXTURES, tmp_path / "in")
    moved = generate(tmp_path / "out" / "procedural.json", BugSettings(["src/**"], max_bugs=9), source)
    with (source / "src" / "cart.ts").open("ab") as file:
        file.write(b"// changed\n")
    changed = generate(tmp_path / "out" / "procedural.json", BugSettings(["src/**"], max_bugs=9), source)
    assert moved["made_by"]["settings"]["source"] != changed["made_by"]["settings"]["source"]


@pytest.mark.parametrize("repo", ["", "css-what", "a/b__c", "a__b..c", "a__b c"])
def test_repo_that_is_no_repo_name_is_refused(tmp_path: Path, repo: str) -> None:
    with pytest.raises(InputError, match="no repo_name"):
        generation.generate(FIXTURES, repo, MANY, tmp_path / "procedural.json")
    assert not list(tmp_path.iterdir())


def test_no_candidates_is_an_error_that_names_folder_and_globs_and_keeps_the_last_result(tmp_path: Path) -> None:
    before = generate(tmp_path / "out" / "procedural.json")
    source = write(tmp_path / "in", {"x.ts": "export const a = b;\n"})
    with pytest.raises(InputError, match=r"in: no candidates .*lib/\*\*"):
        generation.generate(source, REPO, BugSettings(["lib/**"]), tmp_path / "out" / "procedural.json")
    with pytest.raises(InputError, match="1 TypeScript files read"):
        generation.generate(source, REPO, BugSettings(["**"]), tmp_path / "out" / "procedural.json")
    assert json.loads((tmp_path / "out" / "procedural.json").read_text()) == before
