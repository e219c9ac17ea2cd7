"""Base images: the engine has each, or can fetch it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracesmith import proxies
from tracesmith.configuration import Repo
from tracesmith.errors import InputError
from tracesmith.preflight import endpoints
from tracesmith.preflight.plan import MISSING, OK, WARNING, Finding, Plan, environment_of, node_of

DOCKER_HUB = "registry-1.docker.io"


def check(plan: Plan) -> Iterator[Finding]:
    """Look for the base image of each environment that Docker builds."""
    found = plan.repos("build_environment", backend="docker")
    for name, repos in base_images(found).items() if found and plan.engine else ():
        if is_known(plan, name):
            yield Finding(OK, f"base image {name}: the engine has it")
        else:
            yield _of_registry(plan, name, built=all(environment_of(repo).exists() for repo in repos))


def base_images(repos: Sequence[Repo]) -> dict[str, list[Repo]]:
    """Return the names of the base images, each with its repositories; without those of profiles still to be made."""
    from tracesmith.sandboxes.choosing import base_image  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay

    found: dict[str, list[Repo]] = {}
    for repo in repos:
        node, chosen = node_of(repo), repo.settings["sandbox"]["base_image"]
        if chosen or node:
            found.setdefault(base_image(chosen, str(node)), []).append(repo)
    return found


def is_known(plan: Plan, name: str) -> bool:
    """Tell whether the engine has an image. Raises InputError for what cannot be an image's name."""
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415 - where this is called, it is loaded

    assert plan.engine  # noqa: S101 - asked before
    try:
        plan.engine.images.get(name)
    except ImageNotFound:
        return False
    except APIError as error:
        raise InputError(f"base image {name}: {error.explanation}; correct sandbox.base_image") from error
    return True


def registry(name: str) -> proxies.Endpoint:
    """Return where an image's name says that it is fetched."""
    from docker import auth  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay

    found, _ = auth.resolve_repository_name(name)
    host, _, port = (DOCKER_HUB if found == auth.INDEX_NAME else found).partition(":")
    return proxies.Endpoint("https", host, int(port or 443))


def ways(info: Mapping[str, Any], asked: proxies.Endpoint) -> list[proxies.Endpoint]:
    """Return whom an engine calls for a registry, first of all: its proxy, else its mirrors, which Docker Hub has."""
    if info.get("HttpsProxy"):
        return [proxies.endpoint("the engine's proxy", info["HttpsProxy"])]
    found = (info.get("RegistryConfig") or {}).get("Mirrors") or [] if asked.host == DOCKER_HUB else []
    return [*(proxies.endpoint("the engine's registry-mirrors", mirror) for mirror in found), asked]


def _of_registry(plan: Plan, name: str, *, built: bool) -> Finding:
    """Say whether the registry can be reached as the engine does it, perhaps through a proxy of its own."""
    assert plan.engine  # noqa: S101 - asked before
    failed = []
    for way in ways(plan.engine.info(), registry(name)):
        failure = endpoints.failure(way)
        if not failure:
            return Finding(OK, f"base image {name}: {way} answers, from which the engine will fetch it")
        failed.append(f"{way} cannot be reached ({failure})")
    remedy = "load it (docker load), name another (sandbox.base_image), or give the engine a proxy (docs/proxies.md)"
    text = f"base image {name}: the engine does not have it and {', '.join(failed)}; {remedy}"
    return Finding(WARNING if built else MISSING, text)
