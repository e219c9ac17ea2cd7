"""
Git over the network: with what the user has set up to get in, and with nothing else of the user's configuration.

Credentials reach git through helpers, agents and the environment: never through a URL, an argument or a file of ours.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tracesmith import git, programs
from tracesmith.errors import InfrastructureError, InputError

# What of the user's configuration opens a way in; keys as `git config --list` prints them.
ACCESS = re.compile(
    r"credential\..*|core\.(?:sshcommand|askpass)|ssh\.variant"
    r"|http\.(?:.*\.)?(?:extraheader|proxy|proxyauthmethod|sslcainfo|sslcapath|sslcert|sslkey)"
)
ACCESS_VARIABLES = {"GIT_ASKPASS", "GIT_EXEC_PATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT"}
TRUST_VARIABLES = {"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_CERT", "GIT_SSL_KEY"}
# A server that sends under 1000 bytes a second for a minute is as good as gone.
OWN_CONFIGURATION = [
    ("core.hooksPath", os.devnull),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "60"),
]
ADVICE = {"Please make sure you have the correct access rights", "and the repository exists."}
TOKEN_VARIABLE = "GITHUB_TOKEN"  # noqa: S105 - its name
TOKEN_HELPER = (
    f"""!f() {{ test "$1" = get && printf 'username=x-access-token\\npassword=%s\\n' "${TOKEN_VARIABLE}"; }}; f"""
)


class RemoteError(InfrastructureError):
    """Git got no or no good answer from a server."""


class RemoteTimeoutError(RemoteError):
    """Git was stopped because a server took too long."""


def reading(url: str, folder: Path) -> dict[str, str]:
    """
    Return the environment of git for reading from a URL with the user's credential helpers, askpass and ssh agent.

    `folder` takes a file with the repositories that the user trusts (safe.directory, which git reads from files only).
    """
    found = _users_configuration()
    trusted = folder / "gitconfig"
    lines = [f"[safe]\n\tdirectory = {json.dumps(value)}\n" for key, value in found if key == "safe.directory"]
    trusted.write_text("".join(lines), encoding="utf-8", errors="surrogateescape")
    kept = [(key, value) for key, value in found if ACCESS.fullmatch(key)]
    variables = _environment(url, kept, ACCESS_VARIABLES | TRUST_VARIABLES)
    return variables | {"GIT_CONFIG_GLOBAL": str(trusted)}


def writing(url: str, token: str) -> dict[str, str]:
    """Return the environment of git for pushing to a URL: the token is handed to its host alone, by a helper."""
    parts = urlsplit(url)
    helper = (f"credential.{parts.scheme}://{parts.netloc}.helper", TOKEN_HELPER)
    variables = _environment(url, [helper], TRUST_VARIABLES)
    variables.pop("SSH_ASKPASS", None)
    return variables | {TOKEN_VARIABLE: token}


def read_token(environment: Mapping[str, str]) -> str:
    """Return the token of the environment. Raises InputError when there is none."""
    token = environment.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise InputError(
            f"{TOKEN_VARIABLE} is not set: export a token that may create repositories and push to them "
            "(.env.example says how)"
        )
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise InputError(f"{TOKEN_VARIABLE} holds a space or a character that no token has")
    return token


def run(
    repository: Path,
    arguments: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    timeout_s: float,
    secret: str = "",
) -> list[str]:
    """
    Let git in a bare repository of ours talk to a server and return the lines it prints.

    A secret is blotted out of what git complains about.

    Raises RemoteError when it fails and RemoteTimeoutError when it takes too long.
    """
    try:
        done = programs.run(["git", "--git-dir", repository, *arguments], timeout_s=timeout_s, environment=environment)
    except subprocess.TimeoutExpired:
        raise RemoteTimeoutError(f"the server did not answer git within {timeout_s:g} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        raise RemoteError(_reason(said.replace(secret, "***") if secret else said))
    return done.stdout.decode(errors="surrogateescape").splitlines()


def references(
    repository: Path, url: str, patterns: Sequence[str], environment: Mapping[str, str], *, secret: str = ""
) -> dict[str, str]:
    """Return the references at a URL that match the patterns, each with what it points at."""
    asking = ["ls-remote", "--quiet", url, *patterns]
    lines = run(repository, asking, environment, timeout_s=120, secret=secret)
    found = (line.split("\t", 1) for line in lines)
    return {name: value for value, name in found}


def _reason(said: str) -> str:
    """Git's complaint in one line, without the advice that it always gives."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "; ".join(line for line in lines if line not in ADVICE)[-500:] or "git did not say why"


def _environment(url: str, pairs: Iterable[tuple[str, str]], kept: set[str]) -> dict[str, str]:
    """Everything but git's own variables, since a credential helper may need any; then ours."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in kept}
    variables |= {**git.QUIET, "GIT_ALLOW_PROTOCOL": _protocols(url)}
    configuration = [*pairs, *OWN_CONFIGURATION]
    variables["GIT_CONFIG_COUNT"] = str(len(configuration))
    for number, (key, value) in enumerate(configuration):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _protocols(url: str) -> str:
    """The URL's own protocol; a server of http may send on to https."""
    scheme = urlsplit(url).scheme
    return "http:https" if scheme == "http" else scheme


def _users_configuration() -> list[tuple[str, str]]:
    """The user's and the machine's configuration of git, in its order, later entries winning."""
    config = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or "_CONFIG" in key}
    done = subprocess.run(
        ["git", "config", "--null", "--list", "--includes"], cwd="/", env=config, capture_output=True, check=False
    )
    if done.returncode:
        raise InfrastructureError(f"git's configuration cannot be read: {done.stderr.decode(errors='replace').strip()}")
    entries = done.stdout.decode(errors="surrogateescape").split("\0")
    pairs = (entry.partition("\n") for entry in entries if entry)
    return [(key, value if newline else "true") for key, newline, value in pairs]
