"""Sources: the name says what it is, the same tree has the same hash anywhere, and no profile leads out of it."""

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tracesmith import stores
from tracesmith.environments import building, profiles, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InputError
from tracesmith.records import check_instance_id

PROFILE = profiles.read(profiles.FOLDER / "css-what.yaml")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "my package"
    (folder / "src").mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "x", "main": "dist/x.js", "snow": "\u2603"}')
    (folder / "src" / "a.ts").write_bytes(b"one\r\n")
    (folder / "src" / "b.ts").write_text("two\n")
    (folder / "dist").mkdir()
    (folder / "dist" / "x.js").write_text("built\n")
    (folder / "link").symlink_to("src/a.ts")
    (folder / "folder link").symlink_to("src")
    return folder


def profile(source: Path, **changes: Any) -> Profile:
    nothing = {"remove": [], "package_json": {}, "files": {}}
    return dataclasses.replace(PROFILE, source=str(source), **{**nothing, **changes})


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("npm:css-what@8.0.0", "npm__css-what.v8.0.0"),
        ("npm:@fb55/css-what@8.0.0", "fb55__css-what.v8.0.0"),
        ("npm:x@1.0.0-rc.1", "npm__x.v1.0.0-rc.1"),
        ("npm:x@1.0.0+build.5", "npm__x.v1.0.0-build.5"),
        ("npm:@a.b/c_d.e@1.0.0-beta+x", "a.b__c_d.e.v1.0.0-beta-x"),
    ],
)
def test_npm_names_hold_scope_name_and_version(source: str, name: str) -> None:
    assert sources.repo_name(source) == name
    check_instance_id(f"{name}.func_pm_x__abcdefgh", "test")


def test_a_folders_name_holds_the_hash_of_its_tree(tree: Path) -> None:
    name = sources.repo_name(str(tree))
    assert name == f"local__my-package.{sources.tree_hash(tree)[:8]}"
    check_instance_id(f"{name}.func_pm_x__abcdefgh", "test")


@pytest.mark.parametrize("source", ["npm:x", "npm:x@^1.0.0", "npm:a/b@1.0.0", "nowhere", "package.json", "npm:x@1 2"])
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(InputError, match="neither npm:NAME@VERSION, git"):
        sources.repo_name(source)


def test_the_hash_does_not_depend_on_place_times_or_order(tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "deep" / "other name"
    other.mkdir(parents=True)
    for path in sorted(tree.rglob("*"), reverse=True):
        target = other / path.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_file():
            shutil.copyfile(path, target)
            os.utime(target, (5, 5))
    assert sources.tree_hash(other) == sources.tree_hash(tree)


def test_a_pipe_is_refused_and_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "src" / "pipe")
    with pytest.raises(InputError, match="'src/pipe' is no file, folder or link"):
        sources.tree_hash(tree)


def test_the_hash_leaves_out_what_is_not_source(tree: Path) -> None:
    before = sources.tree_hash(tree)
    for name in (".git", "node_modules", "src/node_modules"):
        (tree / name).mkdir()
        (tree / name / "x").write_text("x")
    (tree / "empty").mkdir()
    assert sources.tree_hash(tree) == before


@pytest.mark.parametrize("change", ["content", "mode", "name", "new", "gone", "link", "kind", "linked folder"])
def test_the_hash_changes_with_whatever_a_test_could_see(tree: Path, change: str) -> None:
    before, path = sources.tree_hash(tree), tree / "src" / "a.ts"
    if change == "content":
        path.write_bytes(b"one\n")
    elif change == "mode":
        path.chmod(0o755)
    elif change == "name":
        path.rename(tree / "src" / "c.ts")
    elif change == "new":
        (tree / "new").touch()
    elif change == "gone":
        path.unlink()
    else:
        place = tree / ("folder link" if change == "linked folder" else "link")
        place.unlink()
        if change == "kind":
            place.write_text("src/a.ts")
        else:
            place.symlink_to("dist")
    assert sources.tree_hash(tree) != before


def test_a_folder_is_fetched_less_and_plus_what_the_profile_says(tree: Path, tmp_path: Path) -> None:
    (tree / ".git").mkdir()
    (tree / "node_modules").mkdir()
    changes = {
        "remove": ["dist", "link", "missing"],
        "package_json": {"main": None, "scripts": {"test": "vitest run"}},
        "files": {"deep/new.ts": "new\r\n", "src/b.ts": "2\n"},
    }
    destination = tmp_path / "fetched"
    destination.mkdir()
    sources.fetch(profile(tree, **changes), destination)
    found = {path.relative_to(destination).as_posix() for path in destination.rglob("*")}
    assert found == {"package.json", "src", "src/a.ts", "src/b.ts", "folder link", "deep", "deep/new.ts"}
    assert (destination / "src" / "a.ts").read_bytes() == b"one\r\n"
    assert (destination / "src" / "b.ts").read_bytes() == b"2\n"
    assert (destination / "deep" / "new.ts").read_bytes() == b"new\r\n"
    package = json.loads((destination / "package.json").read_text())
    assert package == {"name": "x", "snow": "\u2603", "scripts": {"test": "vitest run"}}
    assert (tree / "dist").exists()


@pytest.mark.parametrize("key", ["remove", "files"])
@pytest.mark.parametrize("path", ["../x", "src/../../x", "/etc/x", "out/x", ".", "src/..", ""])
def test_a_path_that_leads_out_of_the_tree_is_refused(tree: Path, tmp_path: Path, key: str, path: str) -> None:
    (tmp_path / "x").write_text("kept")
    (tree / "out").symlink_to(tmp_path)
    destination = tmp_path / "fetched"
    destination.mkdir()
    with pytest.raises(InputError, match="leads out of the repository"):
        sources.fetch(profile(tree, **{key: [path] if key == "remove" else {path: "x"}}), destination)
    assert (tmp_path / "x").read_text() == "kept"
    assert (destination / "package.json").exists()


def test_a_package_json_that_repeats_a_key_is_read_as_npm_reads_it(tree: Path, tmp_path: Path) -> None:
    (tree / "package.json").write_bytes(b'\xef\xbb\xbf{"license": "MIT", "name": "x", "license": "ISC"}')
    (tmp_path / "fetched").mkdir()
    sources.fetch(profile(tree, package_json={"main": None}), tmp_path / "fetched")
    assert json.loads((tmp_path / "fetched" / "package.json").read_text()) == {"license": "ISC", "name": "x"}


@pytest.mark.parametrize("text", ["[]", "5", "{", ""])
def test_a_package_json_that_is_none_is_refused(tree: Path, tmp_path: Path, text: str) -> None:
    (tree / "package.json").write_text(text)
    (tmp_path / "fetched").mkdir()
    with pytest.raises(InputError, match=r"package\.json"):
        sources.fetch(profile(tree, package_json={"main": None}), tmp_path / "fetched")


def test_a_link_that_leads_out_of_the_tree_is_refused_and_its_target_untouched(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "host.json"
    target.write_text("{}")
    (tree / "package.json").unlink(missing_ok=True)
    (tree / "package.json").symlink_to(target)
    destination = tmp_path / "fetched"
    destination.mkdir()
    with pytest.raises(InputError, match=r"package\.json is a link that leads out of the repository"):
        sources.fetch(profile(tree, package_json={"private": True}), destination)
    assert target.read_text() == "{}"


@pytest.mark.parametrize("source", ["npm:x@latest", "npm:x@next", "npm:x@^1.0.0"])
def test_a_moving_version_is_refused(source: str) -> None:
    with pytest.raises(InputError, match="npm:NAME@VERSION"):
        sources.repo_name(source)


def test_what_was_fetched_is_remembered_beside_it(tree: Path, tmp_path: Path) -> None:
    store = stores.Store(tmp_path / "store")
    found = building._source(store, profile(tree))
    assert building._origin(store) == {"source": str(tree), "tree_hash": sources.tree_hash(found)}


def test_a_fetch_that_fails_leaves_nothing_half_built(tree: Path, tmp_path: Path) -> None:
    (tree / "out").symlink_to("/etc")
    with pytest.raises(InputError, match="out is a link that leads out of the repository"):
        building._source(stores.Store(tmp_path / "store"), profile(tree))
    assert [path.name for path in (tmp_path / "store").iterdir()] == [".lock"]
