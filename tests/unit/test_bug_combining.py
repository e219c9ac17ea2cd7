"""Combined bugs: valid ones as one patch that git applies, the same ones for a seed, every drop with a reason."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tracesmith import files, records
from tracesmith.bugs import combining, diffs, generation, harvesting, sources
from tracesmith.bugs.combining import CombiningSettings
from tracesmith.bugs.sources import Edit
from tracesmith.errors import InputError

FIXTURES = Path(__file__).parent.parent / "data" / "ts_sources"
REPO = "local__sources.0a1b2c3d"
FUNCTION = "export function f{0}(a: number) {{\n  const b = a + {0};\n  if (b > {0}) return b;\n  return 0;\n}}\n\n"
FILES = {
    "src/a.ts": "".join(FUNCTION.format(number) for number in range(6)),
    "src/b.ts": "".join(FUNCTION.format(number) for number in range(6)).replace("\n", "\r\n"),
    "src/deep/er/c.ts": FUNCTION.format(1) + FUNCTION.format(2).rstrip("\n"),
    "src/deep/d.tsx": FUNCTION.format(1),
    "top.ts": FUNCTION.format(7) + FUNCTION.format(8),
}


class Bench:
    """A source tree with bugs in it, as the steps before leave them."""

    def __init__(self, folder: Path, contents: dict[str, str]) -> None:
        self.folder = folder
        self.source = folder / "tree"
        self.rows: list[dict[str, Any]] = []
        self.verdicts: dict[str, str] = {}
        for path, text in contents.items():
            (self.source / path).parent.mkdir(parents=True, exist_ok=True)
            (self.source / path).write_bytes(text.encode())

    def bug(self, path: str, old: str, new: str, verdict: str = "valid") -> str:
        """Add a bug that puts a text for another one, and return its id."""
        file = sources.parse(path, (self.source / path).read_bytes())
        assert file is not None
        start = file.data.index(old.encode())
        return self.add(diffs.patch(file, Edit(start, start + len(old.encode()), new.encode())), verdict)

    def add(self, patch: str, verdict: str = "valid", **more: Any) -> str:
        name = f"{REPO}.func_pm_x__{files.short_hash(patch)}"
        explanation = f"why {len(self.rows)}"
        self.rows.append({"instance_id": name, "patch": patch, "repo": REPO, "explanation": explanation, **more})
        self.verdicts[name] = verdict
        return name

    def every(self) -> "Bench":
        """Add each bug that an operator makes."""
        for one in harvesting.harvest(REPO, sources.read_folder(self.source, ["**"], []).files).candidates:
            self.rows.append({**one.metadata, "instance_id": one.instance_id, "patch": one.patch, "repo": REPO})
            self.verdicts[one.instance_id] = "valid"
        return self

    def write(self) -> tuple[Path, Path]:
        patches, report = self.folder / "all.json", self.folder / "report.json"
        files.write_json(patches, self.rows)
        rows = [{"instance_id": name, "verdict": verdict} for name, verdict in self.verdicts.items()]
        made_by = {"inputs": {"patches": files.digest_file(patches)}}
        files.write_json(report, {"made_by": made_by, "instances": rows})
        return patches, report

    def combine(self, **settings: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Combine, check what holds for any result, and return the list and its sidecar."""
        output = self.folder / "out" / f"{REPO}_combined_patches.json"
        combining.combine(*self.write(), self.source, CombiningSettings(**settings), output)
        rows, meta = (
            json.loads(output.read_text()),
            json.loads(output.with_name(f"{output.name}.meta.json").read_text()),
        )
        funnel = meta["funnel"]
        assert funnel["out"] == len(rows) == sum(count["kept"] for count in meta["strategies"].values())
        assert funnel["in"] == len(rows) + sum(funnel["dropped"].values())
        assert funnel["in"] == sum(count["tried"] for count in meta["strategies"].values())
        assert meta["parts"]["in"] == len(self.rows)
        assert (meta["why_empty"] is None) == bool(rows)
        assert len({row["instance_id"] for row in rows}) == len({row["patch"] for row in rows}) == len(rows)
        return rows, meta


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, FILES)


def applied(source: Path, patch: str, folder: Path) -> dict[str, bytes]:
    """Apply a patch with git to a copy of the files that it names and return them."""
    paths = [line.removeprefix("+++ b/").rstrip("\t") for line in patch.split("\n") if line.startswith("+++ ")]
    folder.mkdir()
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((source / path).read_bytes())
    for flags in (["--check"], []):
        command = ["git", "apply", "--whitespace=nowarn", *flags, "-"]
        done = subprocess.run(command, cwd=folder, input=patch.encode(), capture_output=True, check=False)
        assert done.returncode == 0, (done.stderr, patch)
    return {path: (folder / path).read_bytes() for path in paths}


def places(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["patch"].split("\n")[0] for row in rows)


def test_two_bugs_of_one_file_become_one_with_swesmiths_keys(bench: Bench, tmp_path: Path) -> None:
    one = bench.bug("src/a.ts", "a + 1", "a - 1")
    other = bench.bug("src/a.ts", "b > 4", "b < 4")
    (row,), meta = bench.combine(strategies=["combine_file"])
    hash8 = files.short_hash(row["patch"])
    assert row["instance_id"] == f"{REPO}.combine_file__{hash8}"
    assert row["patch_files"] == sorted([one, other])
    assert (row["num_patch_files"], row["cost"], row["output"], row["rewrite"]) == (2, 0.0, "", "")
    assert sorted(row["explanation"].split("\n")) == ["why 0", "why 1"]
    assert (row["repo"], row["strategy"]) == (REPO, "combine_file")
    wanted = FILES["src/a.ts"].replace("a + 1", "a - 1").replace("b > 4", "b < 4").encode()
    assert applied(bench.source, row["patch"], tmp_path / "git") == {"src/a.ts": wanted}
    assert list(meta["made_by"]["inputs"]) == ["patches", "report"]
    assert {"bugs": 2, "depth": 2, "max_bugs": 50, "per_place": 10, "seed": 24}.items() <= meta["made_by"][
        "settings"
    ].items()
    stored = tmp_path / "out" / REPO / "src__a.ts"
    assert (stored / f"bug__combine_file__{hash8}.diff").read_bytes().decode() == row["patch"]
    metadata = json.loads((stored / f"metadata__combine_file__{hash8}.json").read_text())
    assert {**metadata, "instance_id": row["instance_id"], "patch": row["patch"], "repo": REPO} == row
    (read,) = records.read_candidates(tmp_path / "out" / f"{REPO}_combined_patches.json")
    assert read == row


def test_two_files_of_a_module_become_one_bug_in_path_order(bench: Bench, tmp_path: Path) -> None:
    bench.bug("src/b.ts", "b > 4", "b < 4")
    bench.bug("src/a.ts", "a + 1", "a - 1")
    (row,), _ = bench.combine(strategies=["combine_module"])
    found = applied(bench.source, row["patch"], tmp_path / "git")
    assert list(found) == ["src/a.ts", "src/b.ts"]
    assert found["src/b.ts"] == FILES["src/b.ts"].replace("b > 4", "b < 4").encode()
    name = row["instance_id"].rsplit(".", 1)[1]
    assert (tmp_path / "out" / REPO / "combine_module" / f"bug__{name}.diff").is_file()


def test_a_module_is_as_many_folders_as_the_depth_says(bench: Bench) -> None:
    for path in FILES:
        bench.bug(path, "b >", "b <")
    for depth, pairs in {
        1: {("src/a.ts", "src/b.ts"), ("src/a.ts", "src/deep/d.tsx"), ("src/deep/d.tsx", "src/deep/er/c.ts")},
        2: {("src/a.ts", "src/b.ts"), ("src/deep/d.tsx", "src/deep/er/c.ts")},
        3: {("src/a.ts", "src/b.ts")},
    }.items():
        rows, _ = bench.combine(strategies=["combine_module"], depth=depth)
        found = {
            tuple(line.removeprefix("+++ b/") for line in row["patch"].split("\n") if line.startswith("+++ "))
            for row in rows
        }
        assert pairs <= found
        assert all("top.ts" not in pair for pair in found)
        assert len(found) == {1: 6, 2: 2, 3: 1}[depth]


def test_every_combination_of_real_bugs_applies_and_parses(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {f"src/{path.name}": path.read_text() for path in (FIXTURES / "src").iterdir()}).every()
    rows, meta = bench.combine(bugs=3, per_place=40)
    assert len(rows) == 50 + 40
    assert meta["strategies"]["combine_file"]["places"] == 3
    for number, row in enumerate(rows):
        assert row["num_patch_files"] == 3
        for path, data in applied(bench.source, row["patch"], tmp_path / str(number)).items():
            assert sources.parse(path, data) is not None
            assert data != (bench.source / path).read_bytes()
        assert (len(places([row])) == 1) and (row["patch"].count("\ndiff --git ") > 0) == (
            row["strategy"] == "combine_module"
        )


def test_the_same_seed_gives_the_same_bugs_in_whatever_order_they_come(bench: Bench) -> None:
    bench.every()
    one, _ = bench.combine(max_bugs=12)
    bench.rows.reverse()
    bench.verdicts = dict(reversed(bench.verdicts.items()))
    other, _ = bench.combine(max_bugs=12)
    assert one == other
    another, _ = bench.combine(max_bugs=12, seed=7)
    assert {row["patch"] for row in another} != {row["patch"] for row in one}


def test_combinations_are_spread_over_places_and_bugs(bench: Bench) -> None:
    bench.every()
    rows, _ = bench.combine(strategies=["combine_file"], max_bugs=10)
    assert sorted(places(rows).values()) == [2, 2, 2, 2, 2]
    rows, _ = bench.combine(strategies=["combine_file"], max_bugs=500, per_place=4)
    assert set(places(rows).values()) == {4}
    used = Counter(name for row in rows for name in row["patch_files"] if "diff --git a/src/a.ts" in row["patch"])
    assert max(used.values()) <= 2
    fewer, _ = bench.combine(strategies=["combine_file"], max_bugs=7, per_place=4)
    assert fewer == rows[:7], "a smaller limit chooses a first part"


def test_all_combinations_of_a_place_are_found_and_each_once(bench: Bench) -> None:
    for number in range(4):
        bench.bug("src/a.ts", f"a + {number}", f"a - {number}")
    rows, meta = bench.combine(strategies=["combine_file"])
    assert len({tuple(row["patch_files"]) for row in rows}) == len(rows) == 6
    assert meta["strategies"]["combine_file"] == {"places": 1, "tried": 6, "kept": 6}
    rows, _ = bench.combine(strategies=["combine_file"], bugs=4)
    assert [row["num_patch_files"] for row in rows] == [4]


def test_edits_that_overlap_or_touch_are_dropped_and_others_tried(bench: Bench) -> None:
    bench.bug("src/a.ts", "a + 1", "a - 1")
    bench.bug("src/a.ts", "a + 1", "a * 1")
    bench.bug("src/a.ts", "if (b > 1) return b;", "if (b < 1) return b;")
    far = bench.bug("src/a.ts", "a + 3", "a - 3")
    rows, meta = bench.combine(strategies=["combine_file"])
    assert len(rows) == 3
    assert all(far in row["patch_files"] for row in rows)
    assert meta["funnel"] == {"in": 6, "out": 3, "dropped": {"overlap": 3}}


def test_a_whole_that_does_not_parse_is_dropped(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"src/a.ts": "export const a = `x`;\n\nexport const b = `y`;\nlet c;\n"})
    bench.add("--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1,2 +1,2 @@\n-export const a = `x`;\n+export const a = `x;\n \n")
    bench.bug("src/a.ts", "`y`", "'y'")
    rows, meta = bench.combine()
    assert rows == []
    assert meta["funnel"]["dropped"] == {"does_not_parse": 1}
    assert meta["why_empty"] == "none of the 1 combinations that were tried holds"


def test_two_ways_to_one_patch_give_one_bug(bench: Bench) -> None:
    for _ in range(2):
        bench.bug("src/a.ts", "a + 1", "a - 1")
        bench.rows[-1]["instance_id"] += "x" * len(bench.rows)
    bench.bug("src/a.ts", "a + 3", "a - 3")
    bench.verdicts = {row["instance_id"]: "valid" for row in bench.rows}
    rows, meta = bench.combine(strategies=["combine_file"])
    assert len(rows) == 1
    assert meta["funnel"]["dropped"] == {"duplicate_patch": 1, "overlap": 1}


def test_only_valid_bugs_of_sources_that_apply_are_parts(bench: Bench) -> None:
    bench.bug("src/a.ts", "a + 1", "a - 1")
    bench.bug("src/a.ts", "a + 2", "a - 2", verdict="no_fail_to_pass")
    bench.bug("src/a.ts", "a + 3", "a - 3", verdict="timed_out")
    bench.add("--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-what is not there\n+x\n")
    for path in (
        "package.json",
        "../tree/src/a.ts",
        "/etc/passwd",
        "src/gone.ts",
        "node_modules/x.ts",
        "src/a.test.ts",
    ):
        bench.add(f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-x\n+y\n")
    bench.add("--- /dev/null\n+++ b/src/new.ts\n@@ -0,0 +1 @@\n+x\n")
    bench.add("--- a/src/b.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-x\n+y\n")
    rows, meta = bench.combine()
    assert rows == []
    assert meta["parts"] == {"in": 12, "out": 1, "dropped": {"does_not_apply": 1, "no_source_file": 8, "not_valid": 2}}
    assert meta["why_empty"] == "no place has 2 of the 1 bugs that can be parts"


def test_bugs_of_several_files_are_parts_in_their_module_only(bench: Bench, tmp_path: Path) -> None:
    patches = []
    for path in ("src/a.ts", "src/b.ts"):
        bench.bug(path, "a + 1", "a - 1")
        patches.append(bench.rows.pop()["patch"])
    bench.add("".join(patches))
    bench.bug("src/a.ts", "a + 3", "a - 3")
    bench.verdicts = dict.fromkeys([row["instance_id"] for row in bench.rows], "valid")
    (row,), meta = bench.combine()
    assert row["strategy"] == "combine_module"
    assert meta["strategies"]["combine_file"]["places"] == 0
    found = applied(bench.source, row["patch"], tmp_path / "git")
    assert found["src/a.ts"] == FILES["src/a.ts"].replace("a + 1", "a - 1").replace("a + 3", "a - 3").encode()


def test_files_of_an_earlier_run_go_and_those_of_other_methods_stay(bench: Bench, tmp_path: Path) -> None:
    procedural = tmp_path / "out" / REPO / "procedural.json"
    generation.generate(bench.source, REPO, generation.BugSettings(["**"], max_bugs=5), procedural)
    others = {path for path in procedural.parent.rglob("*") if path.is_file()}
    bench.every()
    bench.combine()
    rows, _ = bench.combine(strategies=["combine_file"], max_bugs=3, seed=5)
    now = {path for path in procedural.parent.rglob("*") if path.is_file()}
    assert others < now
    names = {row["instance_id"].rsplit(".", 1)[1] for row in rows}
    assert {path.name for path in now - others} == {
        name for one in names for name in (f"bug__{one}.diff", f"metadata__{one}.json")
    }
    assert all(any(path.iterdir()) for path in procedural.parent.rglob("*") if path.is_dir())
    generation.generate(bench.source, REPO, generation.BugSettings(["**"], max_bugs=2), procedural)
    assert {path.name for path in procedural.parent.rglob("*combine*")} == {path.name for path in now - others}


def test_costs_of_the_parts_add_up(bench: Bench) -> None:
    bench.bug("src/a.ts", "a + 1", "a - 1")
    bench.bug("src/a.ts", "a + 3", "a - 3")
    for row in bench.rows:
        row["cost"] = 0.1
    (row,), _ = bench.combine()
    assert row["cost"] == 0.2


def test_a_place_with_many_bugs_that_overlap_ends_soon(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"src/a.ts": "export const a = 0;\n"})
    for number in range(1, 80):
        bench.bug("src/a.ts", "a = 0", f"a = {number}")
    _, meta = bench.combine(strategies=["combine_file"], per_place=3)
    assert meta["funnel"]["dropped"] == {"overlap": 60}


def test_report_of_other_patches_is_refused_and_nothing_written(bench: Bench, tmp_path: Path) -> None:
    bench.bug("src/a.ts", "a + 1", "a - 1")
    patches, report = bench.write()
    patches.write_text(patches.read_text() + "\n")
    with pytest.raises(InputError, match="was made from other patches"):
        combining.combine(patches, report, bench.source, CombiningSettings(), tmp_path / "out" / "x.json")
    assert not (tmp_path / "out").exists()


def test_candidates_of_two_repositories_are_refused(bench: Bench, tmp_path: Path) -> None:
    bench.bug("src/a.ts", "a + 1", "a - 1")
    bench.bug("src/a.ts", "a + 3", "a - 3")
    bench.rows[1]["repo"] = "local__other.00000000"
    patches, report = bench.write()
    with pytest.raises(InputError, match=r"all\.json .* is of local__other\.00000000"):
        combining.combine(patches, report, bench.source, CombiningSettings(), tmp_path / "out" / "x.json")


def test_one_bug_is_no_combination(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--bugs 1"):
        combining.combine(*bench.write(), bench.source, CombiningSettings(bugs=1), tmp_path / "out" / "x.json")
