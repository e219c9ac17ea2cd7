"""The profiles under configs/repos/: each pins what it fetches and calls the repository's own test runner."""

import re
from pathlib import Path

import pytest

from tracesmith.environments import profiles, repositories, sources

NAMED = {"Zod", "Valibot", "Superstruct", "Cheerio", "IoTs", "Neverthrow", "Yup", "FpTs"}
FILES = sorted(profiles.FOLDER.glob("*.yaml"))
# Versions of releases; a tag of another kind could be moved without anybody noticing.
RELEASE = re.compile(r"v?\d+\.\d+\.\d+")


def test_the_repositories_that_users_of_swesmith_know_have_their_names() -> None:
    known = profiles.known()
    assert {f"{name}Profile" for name in NAMED} <= set(known)
    assert sorted(known.values()) == FILES, "two files hold the same name"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_profile_pins_what_is_fetched(path: Path) -> None:
    profile = profiles.read(path)
    assert sources.repo_name(profile.source)
    if not sources.NPM.fullmatch(profile.source):
        wanted = repositories.read(profile.source)
        assert wanted.url.startswith("https://")
        assert wanted.is_commit or RELEASE.fullmatch(wanted.ref)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_profile_calls_the_local_runner(path: Path) -> None:
    settings = profiles.read(path).test
    program = settings.command[0]
    assert program == f"node_modules/.bin/{settings.runner}" or (program == "node" and settings.runner == "node_test")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_profile_says_what_it_is(path: Path) -> None:
    assert re.match(r"# .{20,}\n", path.read_text())
