"""Proxies, seen from inside a container: there, 127.0.0.1 is the container itself."""

from collections.abc import Iterator, Sequence

from tracesmith import proxies
from tracesmith.configuration import Repo
from tracesmith.preflight import images
from tracesmith.preflight.boxes import LIMITS
from tracesmith.preflight.plan import BRIDGE, MISSING, OK, SANDBOXED, WARNING, Finding, Plan

CONNECT = """
const [host, port] = process.argv.slice(1);
const end = (code, text) => { console.log(text); process.exit(code); };
const socket = require("node:net").connect({ host, port: Number(port), timeout: 3000 });
socket.on("connect", () => end(0, "")).on("error", (error) => end(1, error.code));
socket.on("timeout", () => end(1, "timeout"));
"""
SOCAT = "socat TCP-LISTEN:{port},bind={gateway},fork,reuseaddr TCP:127.0.0.1:{port}"


def check(plan: Plan) -> Iterator[Finding]:
    """Say which proxies a container cannot reach, where one is built or run with the network."""
    repos = plan.unbuilt(backend="docker")
    repos += [repo for repo in plan.repos(*SANDBOXED, backend="docker") if repo.settings["sandbox"]["network"]]
    if not repos or not plan.engine:
        return
    endpoints = plan.endpoints()
    for endpoint, variable in endpoints.items():
        if endpoint.is_loopback:
            yield _loopback(endpoint, variable, gateway(plan))
    others = {endpoint: variable for endpoint, variable in endpoints.items() if not endpoint.is_loopback}
    if others and plan.deep:
        yield from _from_inside(plan, repos, others)


def gateway(plan: Plan) -> str:
    """Return the address of this machine on the bridge of the engine's containers."""
    assert plan.engine  # noqa: S101 - asked before
    from docker.errors import NotFound  # noqa: PLC0415 - where this is called, it is loaded

    try:
        found = plan.engine.networks.get("bridge").attrs["IPAM"]["Config"] or []
    except NotFound:
        return BRIDGE
    return next((str(one["Gateway"]) for one in found if "." in one.get("Gateway", "")), BRIDGE)


def _loopback(endpoint: proxies.Endpoint, variable: str, address: str) -> Finding:
    there = proxies.Endpoint(endpoint.scheme, address, endpoint.port)
    forward = SOCAT.format(port=endpoint.port, gateway=address)
    remedy = f"run `{forward}` and set {variable} to {there} (docs/proxies.md)"
    return Finding(MISSING, f"{variable}: in a container {endpoint.host} is the container, not {endpoint}; {remedy}")


def _from_inside(plan: Plan, repos: Sequence[Repo], endpoints: dict[proxies.Endpoint, str]) -> Iterator[Finding]:
    """Connect to each proxy from one container with the network."""
    from tracesmith.sandboxes.docker import DockerBackend  # noqa: PLC0415 - 0.3 s that bubblewrap runs need not pay

    image = next((name for name in images.base_images(repos) if images.is_known(plan, name)), None)
    if image is None:
        yield Finding(WARNING, "proxies: not tried from inside a container, since the engine has no base image yet")
        return
    with DockerBackend(image, LIMITS, network=True).open() as box:
        for endpoint, variable in endpoints.items():
            done = box.run(["node", "-e", CONNECT, endpoint.host, str(endpoint.port)], timeout_s=30)
            if done.exit_code:
                why = f"({done.text.strip() or done.killed})"
                remedy = "let it listen at the bridge's address, or open the firewall (docs/proxies.md)"
                yield Finding(MISSING, f"{variable}: no container reaches the proxy {endpoint} {why}; {remedy}")
            else:
                yield Finding(OK, f"{variable}: containers reach the proxy {endpoint}")
