"""Steps of an installation: which files come first, and what a failed step means."""

import dataclasses
import subprocess
from pathlib import Path

import pytest

from tracesmith import files, git
from tracesmith.environments import managers, profiles, steps
from tracesmith.environments.profiles import ManagerChoice
from tracesmith.errors import InfrastructureError, InputError

OWN = profiles.read(profiles.FOLDER / "css-what.yaml")
MANIFEST = '{"name": "a", "bin": {"a": "./cli.js", "b": "../b/bin/b.js", "c": "dist/gone.js", "d": 5}}'
FILES = [
    ".npmrc",
    ".yarn/patches/x.patch",
    ".yarnrc.yml",
    "deep/one.patch",
    "package-lock.json",
    "package.json",
    "packages/a/cli.js",
    "packages/a/package.json",
    "packages/a/src/index.ts",
    "packages/b/bin/b.js",
    "packages/b/package.json",
    "patches/y@1.0.0.patch",
    "pnpm-workspace.yaml",
    "vendor/z.tgz",
    "yarn.lock",
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text({"packages/a/package.json": MANIFEST, "package.json": "{"}.get(name, '["bin"]'))
    return tmp_path


@pytest.mark.parametrize(
    ("manager", "others"),
    [
        (ManagerChoice("npm", None), {"pnpm-workspace.yaml", "yarn.lock", ".yarnrc.yml"}),
        (ManagerChoice("pnpm", "9.0.0"), {"package-lock.json", "yarn.lock", ".yarnrc.yml"}),
        (ManagerChoice("yarn", "4.9.1"), {"package-lock.json", "pnpm-workspace.yaml"}),
        (ManagerChoice("yarn", "1.22.22"), {"package-lock.json", "pnpm-workspace.yaml", ".yarnrc.yml"}),
    ],
)
def test_what_a_manager_reads_comes_before_its_installation(
    manager: ManagerChoice, others: set[str], source: Path
) -> None:
    order = steps.order(dataclasses.replace(OWN, package_manager=manager), source, FILES)
    assert set(FILES) - set(order.before) == others | {"packages/a/src/index.ts"}
    assert order.after == FILES


def test_steps_of_a_profile_find_the_whole_tree_and_leave_the_manifests_as_they_were(source: Path) -> None:
    order = steps.order(dataclasses.replace(OWN, install=[["npm", "ci"]]), source, FILES)
    assert order.before == FILES
    assert "packages/a/package.json" in order.after
    assert "packages/a/src/index.ts" not in order.after


def test_files_of_a_tree_are_files_and_links_in_order(tmp_path: Path) -> None:
    (tmp_path / "b" / "empty").mkdir(parents=True)
    (tmp_path / "b" / "x").touch()
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "broken").symlink_to("nowhere")
    assert files.list_files(tmp_path) == ["a", "b/x", "broken"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("npm error code ENOTFOUND\nnpm error network request to https://x failed", "cannot be reached"),
        ("error: ConnectionRefused downloading package manifest ms", "cannot be reached"),
        ("Err:1 http://deb.x Temporary failure resolving 'deb.x'", "cannot be reached"),
        ("npm error code E503\nnpm error 503 Service Unavailable - GET https://x/ms", "cannot be reached"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "NODE_EXTRA_CA_CERTS"),
        ("ERR_PNPM_META_FETCH_FAIL reason: unable to verify the first certificate", "NODE_EXTRA_CA_CERTS"),
        ("ERR_PNPM_ENOSPC  ENOSPC: no space left on device, write", "disk is full"),
    ],
)
def test_a_fault_of_the_machine_is_none_of_the_profiles(text: str, said: str) -> None:
    error = steps.failure(OWN, ["npm", "install"], "exit code 1", text)
    assert isinstance(error, InfrastructureError)
    assert said in str(error)
    assert "CssWhatProfile: " in str(error)


def test_any_other_fault_is_the_profiles_and_names_the_remedy() -> None:
    error = steps.failure(OWN, ["npm", "install"], "exit code 1", "npm error code ERESOLVE", "pin it")
    assert isinstance(error, InputError)
    assert str(error) == "CssWhatProfile: pin it; npm install ended with exit code 1: npm error code ERESOLVE"


@pytest.mark.parametrize("limit", ["memory", "disk", "pids", "timeout", "output"])
def test_a_limit_that_was_hit_is_named(limit: str) -> None:
    error = steps.failure(OWN, ["npm", "install"], f"the {limit} limit", "")
    assert isinstance(error, InfrastructureError)
    assert "raise sandbox." in str(error) or limit in {"timeout", "output"}


def test_a_message_shows_the_step_without_the_shell_around_it() -> None:
    profile = dataclasses.replace(OWN, package_manager=ManagerChoice("yarn", "4.9.1"))
    (command,) = managers.installing(profile)
    assert command[:2] == ["sh", "-c"]
    text = str(steps.failure(profile, command, "exit code 1", "YN0028"))
    assert text == "CssWhatProfile: yarn install --immutable --mode=skip-build ended with exit code 1: YN0028"


def test_what_a_build_has_added_is_none_of_the_repositorys_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.ts").touch()
    git.make_repository(tmp_path / ".git", tmp_path)
    names = ["génér é", 'we"ird', "tab\there", "trail ", "#hash", "!no", "[ab]*", "back\\slash"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
        (tmp_path / f"file {name}").touch()
    subprocess.run(["sh", "-c", steps.REPOSITORY], cwd=tmp_path, check=True)
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True)
    assert status.stdout == b""
    (tmp_path / "b.ts").touch()
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True)
    assert status.stdout == b"?? b.ts\n"
