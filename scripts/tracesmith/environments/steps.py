"""
The steps from a pristine tree to an installed one, the same for both backends, and what it means when one fails.

A change of a source file must not install the packages again, so the files that decide what is installed come first,
then the installation, then the rest and the build. A profile's own `install` steps may need any file (lifecycle scripts
such as `prepare`): the whole tree comes before them.
"""

import json
import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tracesmith import globs, proxies
from tracesmith.environments import managers
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError, TracesmithError

TIMEOUT_S = 1800
SHOWN_CHARACTERS = 1500
# The last step, once `.git` is there: its index, and what the steps before have added is none of the repository's.
REPOSITORY = (
    "git reset -q && git ls-files -z --others --exclude-standard --directory | tr '\\000' '\\n' "
    r"| sed 's/[][*?\\]/\\&/g; s/ $/\\ /; s|^|/|' >>.git/info/exclude"
)
# What npm, pnpm, yarn, bun, apt, pip and the engine say, and what it means.
CAUSES = [
    (r"ENOSPC|no space left on device", "the disk is full: free some space, or raise sandbox.disk"),
    (
        r"SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY_LEAF)|DEPTH_ZERO_SELF_SIGNED|CERTIFICATE_VERIFY_FAILED"
        r"|unable to get (?:local )?issuer certificate|self-signed certificate|UnknownCA"
        r"|unable to verify the first certificate",
        "the registry's certificate is not trusted: set NODE_EXTRA_CA_CERTS to the file of its authority",
    ),
    (
        r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT"
        r"|ConnectionRefused|FailedToOpenSocket|Temporary failure (?:in name resolution|resolving)|Could not resolve"
        r"|Connection refused|Could not connect to|\bE50[0234]\b|ERR_PNPM_FETCH_5\d\d"
        r"|dial tcp|Failed to establish a new connection",
        "a registry cannot be reached: check the network, the proxy variables and npm_config_registry",
    ),
]
# Which limit of a sandbox a step has hit, and what raises it.
LIMITS = {
    "the timeout limit": f"a step of an installation may take {TIMEOUT_S} s",
    "the memory limit": "the step needs more memory: raise sandbox.memory",
    "the pids limit": "the step needs more processes: raise sandbox.pids",
    "the disk limit": "the step writes too much: raise sandbox.disk",
    "the output limit": "the step prints too much: make it quieter",
}


@dataclass(frozen=True)
class Order:
    """Which files come before the installation and which after it; paths of the pristine tree."""

    before: list[str]
    after: list[str]


def order(profile: Profile, source: Path, pristine: list[str]) -> Order:
    """Return the order of the files of a profile's tree."""
    first = manifests(profile, source, pristine)
    return Order(pristine, first) if profile.install else Order(first, pristine)


def manifests(profile: Profile, source: Path, pristine: list[str]) -> list[str]:
    """Return the files that decide what is installed, and the programs that a manager links into node_modules/.bin."""
    manager = managers.of(profile)
    wanted = [*managers.MANIFESTS, *manager.lockfiles, *manager.manifests]
    programs = {name for path in pristine if PurePosixPath(path).name == "package.json" for name in _bins(source, path)}
    return [path for path in pristine if path in programs or globs.matches(path, wanted)]


def _bins(source: Path, manifest: str) -> list[str]:
    """Return the files that a package.json has under `bin`; none for one that nobody can read, as in a fixture."""
    try:
        bins = json.loads((source / manifest).read_bytes())["bin"]
    except (ValueError, KeyError, TypeError):
        return []
    named = bins.values() if isinstance(bins, dict) else [bins]
    folder = posixpath.dirname(manifest)
    return [posixpath.normpath(posixpath.join(folder, name)) for name in named if isinstance(name, str)]


def failure(profile: Profile, command: Sequence[str] | str, ended: str, text: str, remedy: str = "") -> TracesmithError:
    """Return the error of a step that failed: the machine's where the output says so, else the profile's."""
    said = (command if isinstance(command, str) else " ".join(command)).replace(managers.shell_start(profile), "")
    shown = f"{said} ended with {ended}: {proxies.blot(text, os.environ).strip()[-SHOWN_CHARACTERS:]}"
    for pattern, meaning in CAUSES:
        if re.search(pattern, text[-20 * SHOWN_CHARACTERS :]):
            return InfrastructureError(f"{profile.name}: {meaning}; {shown}")
    if ended in LIMITS:
        return InfrastructureError(f"{profile.name}: {LIMITS[ended]}; {shown}")
    return InputError(f"{profile.name}: {remedy}{'; ' if remedy else ''}{shown}")
