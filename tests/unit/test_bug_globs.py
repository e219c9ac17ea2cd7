"""Globs match whole POSIX paths, segment by segment."""

import pytest

from tracesmith import globs
from tracesmith.errors import InputError


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("**", "a.ts"),
        ("**", "a/b/c.ts"),
        ("src/**", "src/a/b.ts"),
        ("src/**/*.ts", "src/a.ts"),
        ("src/**/*.ts", "src/a/b/c.ts"),
        ("**/*.spec.ts", "x.spec.ts"),
        ("**/__fixtures__/**", "src/__fixtures__/deep/x.ts"),
        ("./src/?.ts", "src/a.ts"),
        ("src/*.{ts,tsx}", "src/a.tsx"),
        ("{a,b/{c,d}}/*", "b/d/x.ts"),
        ("src/[ab].ts", "src/b.ts"),
        ("src/[!ab].ts", "src/c.ts"),
        ("src/[id].ts", "src/i.ts"),
        ("**/.*", "a/.hidden"),
        ("a+(b).ts", "a+(b).ts"),
        ("src/*.ts", "src/ü\n.ts"),
    ],
)
def test_glob_matches(glob: str, path: str) -> None:
    assert globs.matches(path, ["nothing", glob])


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*.ts", "src/a.ts"),
        ("src/*", "src/a/b.ts"),
        ("src/**", "src"),
        ("src/**", "srcs/a.ts"),
        ("src/**/*.ts", "lib/src/a.ts"),
        ("**/lib/**", "src/library/a.ts"),
        ("a?b.ts", "a/b.ts"),
        ("src/[!a].ts", "src//.ts"),
        ("a.ts", "axts"),
        ("src/*.ts", "src/a.ts\n"),
    ],
)
def test_glob_does_not_match(glob: str, path: str) -> None:
    assert not globs.matches(path, [glob])


def test_no_globs_match_nothing() -> None:
    assert not globs.matches("a.ts", [])


@pytest.mark.parametrize("glob", ["", "/src/**", "src//a.ts", "src/"])
def test_glob_with_an_empty_segment_is_refused(glob: str) -> None:
    with pytest.raises(InputError, match="empty segment"):
        globs.matches("src/a.ts", [glob])
