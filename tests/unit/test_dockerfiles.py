"""The Dockerfile of a profile: what comes first, and what of the machine that builds it is not in it."""

import dataclasses
import json
from typing import Any

import pytest

from tracesmith.environments import cleaning, dockerfiles, profiles
from tracesmith.environments.profiles import ManagerChoice, Profile

OWN = profiles.read(profiles.FOLDER / "css-what.yaml")
BASE = "node:24-bookworm-slim"


def made(**changes: Any) -> list[str]:
    """Return the lines of a Dockerfile."""
    options = {name: changes.pop(name) for name in ("certificates", "with_swerex") if name in changes}
    profile: Profile = dataclasses.replace(OWN, **changes)
    return dockerfiles.make(profile, "npm__x.v1", BASE, **options).splitlines()


def step(*command: str, start: list[str] = dockerfiles.GUARD) -> str:
    """Return the start of the line that runs a command."""
    return f"RUN {json.dumps([*start, *command])}".removesuffix("]")


def fetch(*command: str) -> str:
    """Return the start of the line that fetches something."""
    return step(*command, start=dockerfiles.FETCH)


def place(lines: list[str], start: str) -> int:
    """Return where the line with this start is."""
    found = [number for number, line in enumerate(lines) if line.startswith(start)]
    assert len(found) == 1, (start, found)
    return found[0]


def test_what_decides_the_packages_comes_before_them_and_the_sources_after() -> None:
    lines = made(
        package_manager=ManagerChoice("pnpm", "9.15.0"),
        build=[["node", "build.js"]],
        dockerfile=["RUN apt-get update && apt-get install -y libfoo"],
    )
    order = [
        f"FROM {BASE} AS system",
        "RUN command -v git",
        "RUN apt-get update && apt-get install -y libfoo",
        "FROM system AS packages",
        fetch("npm", "install", "--global"),
        "COPY --chown=1000:1000 before/ ./",
        fetch("pnpm", "install", "--frozen-lockfile"),
        "FROM packages AS built",
        "COPY --chown=1000:1000 after/ ./",
        step("node", "build.js"),
        step(*cleaning.COMMAND),
        "COPY --chown=1000:1000 git/",
        "COPY --chown=1000:1000 --from=built /testbed /testbed",
    ]
    places = [place(lines, start) for start in order]
    assert places == sorted(places)


def test_packages_do_not_depend_on_the_name_of_the_repository() -> None:
    packages = "\n".join(made()).partition("AS packages")[2].partition("AS built")[0]
    assert "npm__x" not in packages
    assert 'LABEL tracesmith.environment="npm__x.v1"' in made()


def test_steps_of_a_profile_take_the_place_of_the_managers() -> None:
    lines = made(install=[["npm", "ci"], ["sh", "-c", "echo $HOME"]])
    assert place(lines, fetch("npm", "ci")) + 1 == place(lines, fetch("sh", "-c", "echo $HOME"))
    assert not any("--package-lock" in line or '"--ignore-scripts"' in line for line in lines)


def test_the_last_stage_has_nothing_of_the_installations_variables() -> None:
    lines = made(certificates=True, with_swerex=True, environment={"NODE_OPTIONS": "--max-old-space-size=4096"})
    last = lines[len(lines) - lines[::-1].index("FROM system") - 1 :]
    assert not any(line.startswith(("ENV", "ARG")) or "ca.pem" in line for line in last)
    assert any(line.startswith("ENV") and "NODE_OPTIONS=" in line for line in lines)


def test_a_value_is_no_variable_of_the_builder() -> None:
    line = next(line for line in made(environment={"A": 'x "$B" \\'}) if line.startswith("ENV HOME"))
    assert line.endswith(r'A="x \"\$B\" \\"')


def test_proxies_and_passwords_are_arguments_that_the_builder_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "npm_config_registry", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(name, "http://me:planted@proxy.example")
    lines = made(certificates=True, package_manager=ManagerChoice("yarn", "4.9.1"))
    assert "planted" not in "\n".join(lines)
    arguments = {line.removeprefix("ARG ") for line in lines if line.startswith("ARG ")}
    assert arguments == {"npm_config_registry", "NPM_CONFIG_REGISTRY"}


@pytest.mark.parametrize("wanted", [False, True])
def test_python_and_swerex_are_there_for_the_engine_that_needs_them(wanted: bool) -> None:
    text = "\n".join(made(with_swerex=wanted))
    assert ("python3" in text) == ("swe-rex==" in text) == ("/usr/local/bin/swerex-remote" in text) == wanted


def test_each_step_is_a_list_of_arguments_that_no_shell_reads_within_limits_of_time_and_processes() -> None:
    wanted = [["node", "a b.js", "$HOME"], ["./x", "'"]]
    lines = made(build=wanted)
    found = [json.loads(line.removeprefix("RUN ")) for line in lines if line.startswith("RUN [")]
    assert all(command[: len(dockerfiles.GUARD)] == dockerfiles.GUARD for command in found)
    assert [command[len(dockerfiles.GUARD) :] for command in found][-3:-1] == wanted
