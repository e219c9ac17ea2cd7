"""
The Dockerfile of a profile, for the classic builder and for any other.

Its first stages fetch and build with the network of the machine at hand: proxies as build arguments, a certificate
file, caches. The last one takes nothing from them but the finished /testbed, so nothing of it is left in the image.
"""

import json

from tracesmith.environments import cleaning, managers, steps
from tracesmith.environments.profiles import Profile
from tracesmith.sandboxes.base import ENVIRONMENT, TESTBED

USER = "1000:1000"
COPY = f"COPY --chown={USER}"
LABEL = "tracesmith.environment"
SYSTEM, SWEREX, PACKAGES = "system", "swerex", "packages"
"""Stages that keep a name: the base with git, a Python environment with swe-rex, the repository's packages."""
DEBIAN = "git ca-certificates procps"
SWEREX_PIN = "swe-rex==1.4.0"
CERTIFICATES = "/tmp/ca.pem"  # noqa: S108 - a path in a stage of the build
# The builder knows those of proxies by itself, and keeps their values out of what an image tells of its making.
ARGUMENTS = ["npm_config_registry", "NPM_CONFIG_REGISTRY"]
# An engine limits the memory of a build's steps, and neither their time nor their processes. The number of processes is
# one for all of this user's on the machine, hence generous.
GUARD = ["timeout", "-k", "10", str(steps.TIMEOUT_S), "prlimit", "--core=0", "--nproc=8192"]
# A step that fetches; its caches would stay in the layer, and double it.
FETCH = [*GUARD, "sh", "-c", '"$@" && rm -rf "$HOME/.cache" "$HOME/.npm"', "sh"]


def make(
    profile: Profile, label: str, base_image: str, *, certificates: bool = False, with_swerex: bool = False
) -> str:
    """
    Return the text. The context has before/ and after/ (see `steps`), cleaning/, git/ and, for `certificates`, ca.pem.

    `with_swerex` adds Python and swe-rex's `swerex-remote`, which the agent engine sweagent talks to.
    """
    stages = [
        system(profile, base_image, with_swerex=with_swerex).splitlines(),
        *([_swerex(certificates)] if with_swerex else []),
        _packages(profile, certificates),
        _built(profile),
        _last(label, with_swerex),
    ]
    return "\n\n".join("\n".join(lines) for lines in stages) + "\n"


def system(profile: Profile, base_image: str, *, with_swerex: bool = False) -> str:
    """Return the first stage, which is the same for all repositories with the same base and system packages."""
    python = 'python3 -c "import sys, ensurepip; sys.exit(sys.version_info < (3, 10))"'
    lines = [
        f"FROM {base_image} AS {SYSTEM}",
        "USER root",
        f"RUN command -v git >/dev/null && command -v ps >/dev/null && [ -e /etc/ssl/certs/ca-certificates.crt ] || "
        f"{_apt(DEBIAN)}",
        *([f"RUN {python} 2>/dev/null || {{ {_apt('python3 python3-venv')}; }} && {python}"] if with_swerex else []),
        *profile.dockerfile,
        "USER root",
        "RUN getent passwd 1000 >/dev/null || useradd --uid 1000 --create-home node",
        f"RUN install -d -o 1000 -g 1000 {TESTBED} && git config --system --add safe.directory {TESTBED}",
        f"WORKDIR {TESTBED}",
    ]
    return "\n".join(lines) + "\n"


def _apt(packages: str) -> str:
    return f"( apt-get update && apt-get install -y --no-install-recommends {packages} && rm -rf /var/lib/apt/lists/* )"


def _network(certificates: bool) -> list[str]:
    lines = [f"ARG {name}" for name in ARGUMENTS]
    if certificates:
        lines += [f"COPY ca.pem {CERTIFICATES}", f"ENV NODE_EXTRA_CA_CERTS={CERTIFICATES}"]
    return lines


def _swerex(certificates: bool) -> list[str]:
    pip = f"/opt/swerex/bin/pip install --no-cache-dir --disable-pip-version-check {SWEREX_PIN}"
    if certificates:
        both = "/tmp/both.pem"  # noqa: S108 - a path in a stage of the build
        pip = f"cat /etc/ssl/certs/ca-certificates.crt {CERTIFICATES} >{both} && PIP_CERT={both} {pip}"
    return [
        f"FROM {SYSTEM} AS {SWEREX}",
        *_network(certificates),
        f"RUN python3 -m venv /opt/swerex && {pip} && /opt/swerex/bin/swerex-remote --help >/dev/null",
    ]


def _packages(profile: Profile, certificates: bool) -> list[str]:
    """Nothing here may differ between two states of one repository's sources, its name included."""
    return [
        f"FROM {SYSTEM} AS {PACKAGES}",
        f"USER {USER}",
        _variables({"HOME": ENVIRONMENT["HOME"], **managers.variables(profile)}),
        *_network(certificates),
        *_runs(managers.setup(profile), FETCH),
        f"{COPY} before/ ./",
        *_runs(managers.installing(profile), FETCH),
    ]


def _built(profile: Profile) -> list[str]:
    return [
        f"FROM {PACKAGES} AS built",
        f"{COPY} after/ ./",
        *_runs(profile.build),
        f"{COPY} cleaning/ /tmp/",
        *_runs([cleaning.COMMAND]),
        "RUN rm -rf .git",
        f"{COPY} git/ .git/",
        f"RUN {steps.REPOSITORY}",
    ]


def _last(label: str, with_swerex: bool) -> list[str]:
    lines = [f"FROM {SYSTEM}", f"LABEL {LABEL}={json.dumps(label)}"]
    if with_swerex:
        lines += [
            f"COPY --from={SWEREX} /opt/swerex /opt/swerex",
            "RUN ln -s /opt/swerex/bin/swerex-remote /usr/local/bin/swerex-remote",
        ]
    return [*lines, f"{COPY} --from=built {TESTBED} {TESTBED}"]


def _runs(commands: list[list[str]], start: list[str] = GUARD) -> list[str]:
    return [f"RUN {json.dumps([*start, *command])}" for command in commands]


def _variables(values: dict[str, str]) -> str:
    """A dollar sign would be read as a variable's."""
    pairs = [f"{name}={json.dumps(value, ensure_ascii=False)}".replace("$", "\\$") for name, value in values.items()]
    return f"ENV {' '.join(pairs)}"
