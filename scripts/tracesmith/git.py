"""Git on the host: plumbing on bare repositories of ours, so that no hook, filter or checkout of a stranger runs."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tracesmith import patches, scratch, stores
from tracesmith.errors import InfrastructureError, InputError

# One author and date everywhere, so that the same content gives the same commit on every machine.
IDENTITY = {
    "GIT_AUTHOR_NAME": "tracesmith",
    "GIT_AUTHOR_EMAIL": "tracesmith@example.invalid",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "tracesmith",
    "GIT_COMMITTER_EMAIL": "tracesmith@example.invalid",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
}


# No configuration but the repository's own, no question to a terminal, messages in English.
QUIET = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def environment_of_git() -> dict[str, str]:
    """Return the environment in which git runs without the user's configuration."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **QUIET, **IDENTITY}


def run(arguments: Sequence[str | Path], *, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> str:
    """Run git without the user's configuration and return what it prints. Raises InfrastructureError when it fails."""
    done = subprocess.run(
        ["git", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        env={**environment_of_git(), **(environment or {})},
    )
    if done.returncode:
        raise InfrastructureError(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout.decode().strip()


def make_mirror(mirror: Path, tree: Path) -> str:
    """Make a bare repository whose `main` is one commit of the tree, ignored files included; return the commit."""
    if not (mirror / "refs" / "heads" / "main").exists():  # nor after a kill in the midst of it; again does no harm
        run(["init", "-q", "--bare", "-b", "main", mirror])
    # The tree's own .gitattributes must not change a byte (text=auto would turn CRLF into LF): this file wins.
    (mirror / "info").mkdir(exist_ok=True)
    (mirror / "info" / "attributes").write_text("* -text -eol -ident -filter -working-tree-encoding\n")
    with scratch.folder() as folder:
        index = {"GIT_INDEX_FILE": str(folder / "index"), "GIT_DIR": str(mirror.resolve())}
        work = {**index, "GIT_WORK_TREE": str(tree.resolve())}
        run(["-c", "core.autocrlf=false", "add", "-A", "-f", ":/"], environment=work)
        commit = run(["commit-tree", run(["write-tree"], environment=index), "-m", "Initial commit"], environment=index)
    run(["--git-dir", mirror, "update-ref", "refs/heads/main", commit])
    return commit


def make_repository(folder: Path, tree: Path) -> str:
    """
    Make the `.git` of a tree: its `main` is the commit that `make_mirror` makes of it, in one pack, packages excluded.

    The same tree gives the same bytes. The index is missing: `git reset` in the tree writes it.
    """
    commit = make_mirror(folder, tree)
    here: list[str | Path] = ["--git-dir", folder]
    run([*here, "config", "core.bare", "false"])
    run([*here, "-c", "pack.threads=1", "repack", "-a", "-d", "-q", "--no-write-bitmap-index"])
    for name in ("hooks", "description", "branches", "info/refs", "objects/info"):
        stores.remove_tree(folder / name)
    (folder / "info" / "exclude").write_text("node_modules/\n")
    return commit


def check_patches(mirror: Path, patches_by_id: Mapping[str, str]) -> None:
    """Check that each patch applies to `main`. Raises InputError for the first that does not, with git's words."""
    with scratch.folder() as folder:
        here = {"GIT_INDEX_FILE": str(folder / "index"), "GIT_DIR": str(mirror.resolve())}
        run(["read-tree", "main"], environment=here)
        for name, patch in patches_by_id.items():
            try:
                run([*patches.APPLY, "--cached", "--check", "-"], stdin=patches.to_bytes(patch), environment=here)
            except InfrastructureError as error:
                raise InputError(f"{name}: the bug patch does not apply to the pristine tree: {error}") from None


def write_branch(mirror: Path, name: str, patch: str, removed: Sequence[str]) -> str:
    """
    Write the branch of an instance and return its tip.

    Two commits on `main`, as SWE-smith's evaluator expects: the bug patch, then the removal of test files, which is
    there even when nothing is removed.
    """
    with scratch.folder() as folder:
        here = {"GIT_INDEX_FILE": str(folder / "index"), "GIT_DIR": str(mirror.resolve())}
        run(["read-tree", "main"], environment=here)
        run([*patches.APPLY, "--cached", "-"], stdin=patches.to_bytes(patch), environment=here)
        tip = _commit(here, "main", "Bug Patch")
        for path in removed:
            run(["update-index", "--force-remove", "--", path], environment={**here, "GIT_WORK_TREE": str(folder)})
        tip = _commit(here, tip, "Remove F2P Tests")
    run(["--git-dir", mirror, "update-ref", f"refs/heads/{name}", tip])
    return tip


def branches(mirror: Path) -> list[str]:
    """Return the names of a repository's branches."""
    return list(tips(mirror))


def tips(mirror: Path) -> dict[str, str]:
    """Return the commit at the tip of each branch of a repository."""
    told = run(["--git-dir", mirror, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"])
    return dict(line.split(" ") for line in told.splitlines())


def remove_branch(mirror: Path, name: str) -> None:
    """Remove a branch."""
    run(["--git-dir", mirror, "update-ref", "-d", f"refs/heads/{name}"])


def _commit(environment: Mapping[str, str], parent: str, message: str) -> str:
    tree = run(["write-tree"], environment=environment)
    return run(["commit-tree", tree, "-p", parent, "-m", message], environment=environment)
