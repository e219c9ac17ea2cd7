"""
Push the mirror of a repository, `main` and a branch an instance, to GitHub or a server like it.

What the server has already is not pushed again, so a killed push is repeated with the same command. Nothing on the
server that tracesmith did not make is replaced, and nothing is deleted.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from tracesmith import files, git, prepared, records, remotes, scratch, summaries
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.mirrors import github
from tracesmith.mirrors.github import Server
from tracesmith.records import Instance
from tracesmith.remotes import RemoteError

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
PUSH_TIMEOUT_S = 3600
PREFIX = "refs/heads/"


@dataclass(frozen=True)
class Remote:
    """A repository on the server, as git reaches it."""

    mirror: Path
    url: str
    environment: dict[str, str]
    token: str

    def run(self, *arguments: str | Path, mirror: Path | None = None) -> list[str]:
        """Run git, in the local mirror unless another repository is given. Raises InfrastructureError."""
        place = mirror or self.mirror
        try:
            return remotes.run(place, arguments, self.environment, timeout_s=PUSH_TIMEOUT_S, secret=self.token)
        except RemoteError as error:
            raise InfrastructureError(f"git {arguments[0]} {self.url}: {error}") from None

    def branches(self) -> dict[str, str]:
        """Return the commit at the tip of each branch."""
        lines = (line.split("\t", 1) for line in self.run("ls-remote", "--quiet", "--heads", self.url))
        return {name.removeprefix(PREFIX): commit for commit, name in lines}


def push(environment_path: Path, instances_path: Path, server: Server, token: str, output: Path) -> None:
    """
    Push the mirror that belongs to an environment and its instances, and write `logs/mirrors/<repo>.json`.

    Raises InputError when the mirror does not hold the instances or the server has another repository of that name.
    """
    github.check_server(server)
    environment = prepared.read(environment_path)
    mirror = environment_path.parent / environment.mirror
    instances = records.read_instances(instances_path)
    wanted = _wanted(mirror, instances, environment.mirror_name, instances_path)
    url = f"{server.git_url.rstrip('/')}/{environment.mirror_name}.git"
    github.ensure_repository(server, environment.mirror_name, token)
    remote = Remote(mirror, url, remotes.writing(url, token), token)
    found = _send(remote, wanted)
    inputs = {"environment": environment_path, "instances": instances_path}
    made_by = summaries.made_by("push_mirror", FORMAT_VERSION, inputs, asdict(server))
    other = sorted(set(found) - set(wanted))
    if other:
        logger.warning("%s has %d branches of no instance, which are left, such as %s", url, len(other), other[0])
    summary = {"made_by": made_by, "repo": environment.mirror_name, "url": url, "instances": len(instances)}
    files.write_json(output, {**summary, "branches": dict(sorted(wanted.items())), "other_branches": other})


def _send(remote: Remote, wanted: dict[str, str]) -> dict[str, str]:
    """Push what the server has not, all in one push, and return its branches after it."""
    found = remote.branches()
    _check_main(remote, found.get("main"), wanted["main"])
    missing = [name for name, commit in wanted.items() if found.get(name) != commit]
    if missing:
        remote.run("push", "--quiet", "--no-verify", remote.url, f"+{PREFIX}*:{PREFIX}*")
        found = remote.branches()
    left = [name for name, commit in wanted.items() if found.get(name) != commit]
    if left:
        raise InfrastructureError(
            f"{remote.url}: {len(left)} branches are not there after the push, such as {left[0]!r}"
        )
    logger.info("%s: pushed %d of %d branches", remote.url, len(missing), len(wanted))
    return found


def _wanted(mirror: Path, instances: list[Instance], name: str, where: Path) -> dict[str, str]:
    """Return the branches to be pushed, each with its tip; refuse what belongs to another mirror."""
    tips = git.tips(mirror)
    expected = {"main", *(instance["instance_id"] for instance in instances)}
    if expected != set(tips):
        raise InputError(f"{where}: the mirror {mirror} has not the branches of these instances; gather them again")
    for number, instance in enumerate(instances, start=1):
        if instance["repo"] != name:
            raise InputError(
                f"{where} record {number}: key 'repo' is {instance['repo']!r}, the environment's mirror is {name!r}; "
                "gather the instances again"
            )
    return tips


def _check_main(remote: Remote, found: str | None, ours: str) -> None:
    """Refuse to replace a `main` that tracesmith did not make; an older one of its own is replaced."""
    if found is None or found == ours:
        return
    with scratch.folder() as folder:
        copy = folder / "main"
        git.run(["init", "-q", "--bare", "--template=", copy])
        remote.run("fetch", "--quiet", "--no-tags", "--depth=2", remote.url, f"{PREFIX}main:{PREFIX}main", mirror=copy)
        made = git.run(["--git-dir", copy, "log", "--format=%ae", "main"])
    if made != git.IDENTITY["GIT_AUTHOR_EMAIL"]:
        raise InputError(
            f"{remote.url} has a main branch that is no mirror of tracesmith: it is left as it is; rename that "
            "repository, or set organisation.github to another owner"
        )
