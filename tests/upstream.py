"""A git repository of somebody else's, with all that could change bytes, run code or lead out of the folder."""

import os
import subprocess
from pathlib import Path

ATTRIBUTES = b"* text=auto eol=crlf ident\n*.md export-subst\nsecret.ts export-ignore\n*.bin filter=evil\n"
FILES = {
    ".gitattributes": ATTRIBUTES,
    ".gitignore": b"dist/\n",
    "package.json": b'{"name": "tool"}\n',
    "README.md": b"$Format:%H$\n",
    "src/lf.ts": b"one\ntwo $Id$\n",
    "src/crlf.ts": b"one\r\ntwo\r\n",
    "src/data.bin": b"\x00\x01\r\n\n",
    "src/name with \xe9\tand\ttab": b"odd\n",
    "secret.ts": b"kept\n",
    "bin/run": b"#!/bin/sh\n",
    "test/node_modules/dep/index.js": b"a fixture\n",
}


def git(repository: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git in a repository, without any configuration but its own, and return what it prints."""
    identity = {f"GIT_{who}_{what}": "me@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["git", "-C", repository, *arguments], input=stdin, capture_output=True, check=True, env=identity | nothing
    )
    return done.stdout.decode().strip()


def commit(repository: Path, message: str = "change") -> str:
    """Commit all that stands in a repository's folder as it stands, and return the commit."""
    git(repository, "-c", "core.autocrlf=false", "add", "-A", "-f")
    git(repository, "commit", "-q", "--allow-empty", "-m", message)
    return git(repository, "rev-parse", "HEAD")


def make(repository: Path) -> str:
    """Make a repository with odd files and a second commit on top of them; return the first commit, tagged v1.0.0."""
    for name, data in FILES.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (repository / "bin" / "run").chmod(0o755)
    (repository / "link").symlink_to("src/lf.ts")
    git(repository, "init", "-q", "-b", "main")
    # The attributes must not change what is committed either: these bytes are the commit's.
    (repository / ".git" / "info" / "attributes").write_text("* -text -ident -filter\n")
    first = commit(repository, "first")
    git(repository, "tag", "v1.0.0")
    git(repository, "tag", "-a", "-m", "annotated", "@scope/tool@1.0.0")
    (repository / "src" / "lf.ts").write_bytes(b"later\n")
    commit(repository, "second")
    return first
