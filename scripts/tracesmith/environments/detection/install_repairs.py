"""Repairs of an installation that failed, by what the package manager said."""

import re

from tracesmith.environments import managers
from tracesmith.environments.detection import package_managers, registry
from tracesmith.environments.detection.cases import Case, Repair
from tracesmith.environments.detection.reading import dependencies
from tracesmith.environments.detection.states import State

BUILD_SCRIPTS = re.compile(
    r"Could not locate the bindings file|\.node'|Cannot find module '@?[\w/-]*-(?:linux|wasm)|needs to be (?:re)?built"
    r"|Failed to load native binding|Prisma [Cc]lient did not initialize|install scripts"
    r"|was compiled against a different Node"
)
IN_A_GIT_HOST = re.compile(
    r"^(?:github:|git\+|git:|https?://(?:www\.)?(?:github|gitlab|bitbucket)|[\w.-]+/[\w.-]+(?:#|$))"
)


def _peers(case: Case) -> State:
    if case.says(r"ERESOLVE"):
        return case.state.variable(
            "install: peers that contradict each other are let be", "npm_config_legacy_peer_deps", "true"
        )
    return case.state


def _dates(case: Case) -> State:
    if case.state.before and case.says(r"ETARGET|notarget|No matching version|ENOVERSIONS"):
        return case.state.change(
            "install: dependencies of today, some are not there at the day of the publication", before=None
        )
    return case.state


def _manager(case: Case) -> State:
    """Take another version of the package manager, where the registry lacks the one that is asked for."""
    wanted, _ = package_managers.choose(case.subject.tree)
    package = managers.named(wanted["name"], wanted.get("version")).package
    lost = re.search(rf"No matching version found for {re.escape(package)}@([\d.]+)", case.result.text)
    found = registry.nearest(package, lost[1].rstrip(".")) if lost and not case.state.manager_version else None
    return case.state.change(f"install with {package} {found}", manager_version=found) if found else case.state


def _unknown(case: Case) -> State:
    """Leave out dev dependencies that the registry does not have."""
    named = re.findall(
        r"(?:404 Not Found[^\n]*/|'|\")((?:@|%40)?[\w.-]+(?:(?:/|%2[fF])[\w.-]+)?)"
        r"@?[^\s'\"]*['\"]? is not in (?:this|the npm) registry",
        case.result.text,
    )
    names = [name.replace("%2f", "/").replace("%2F", "/").replace("%40", "@") for name in named]
    found = tuple(dict.fromkeys(name for name in names if name not in case.state.without))
    return (
        case.state.change(
            f"install without {', '.join(found)}, which the registry lacks", without=(*case.state.without, *found)
        )
        if found
        else case.state
    )


def _git_hosts(case: Case) -> State:
    """Leave out dev dependencies that are fetched from a git host which does not answer."""
    if not case.says(
        r"git ls-remote|ssh://git@|codeload\.github|Could not resolve host|git dep|GitCommandError|clone failed"
    ):
        return case.state
    declared = dependencies(case.subject.tree.package("."), "devDependencies")
    found = tuple(
        name for name, version in declared.items() if IN_A_GIT_HOST.match(version) and name not in case.state.without
    )
    state = (
        case.state.change(
            f"install without {', '.join(found)}, from a git host that cannot be reached",
            without=(*case.state.without, *found),
        )
        if found
        else case.state
    )
    return state.vary("lockfile is written anew", "unlocked") if found else state


def _frozen(case: Case) -> State:
    if case.says(
        r"OUTDATED_LOCKFILE|frozen-lockfile|lockfile (?:needs to be|would have been|is not up)"
        r"|YN0028|lockfile had changes|LOCKFILE_CONFIG_MISMATCH"
    ):
        return case.state.vary("install: the lockfile may be changed", "unfrozen")
    return case.state


def _engines(case: Case) -> State:
    if case.says(r"EBADENGINE|UNSUPPORTED_ENGINE|[Uu]nsupported engine|is incompatible with this module"):
        return case.state.variable("install: engines are not enforced", "npm_config_engine_strict", "false")
    return case.state


def install_scripts(case: Case) -> State:
    """Run install scripts, where a package misses what they make."""
    if BUILD_SCRIPTS.search(case.result.text):
        return case.state.vary("install with install scripts", "scripts")
    return case.state


REPAIRS: tuple[Repair, ...] = (_manager, _peers, _dates, _unknown, _git_hosts, _frozen, _engines, install_scripts)
