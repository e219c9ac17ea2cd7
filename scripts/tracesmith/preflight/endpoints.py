"""Proxies, seen from this machine: what the eight variables name answers, and our programs can use it."""

import importlib.util
import socket
from collections.abc import Iterator

from tracesmith import proxies
from tracesmith.errors import InputError
from tracesmith.preflight.plan import MISSING, OK, WARNING, Finding, Plan

TIMEOUT_S = 2.0


def check(plan: Plan) -> Iterator[Finding]:
    """Connect to each proxy; one that does not answer is a miss when the steps cannot do without the network."""
    found = plan.endpoints()
    if not proxies.named(plan.environment):
        yield Finding(OK, "proxies: none is set")
    for endpoint, variable in found.items():
        why = failure(endpoint)
        if why:
            remedy = f"start it, or correct {variable}"
            text = f"{variable}: the proxy {endpoint} cannot be reached ({why}); {remedy}"
            yield Finding(MISSING if plan.networked() else WARNING, text)
        else:
            yield Finding(OK, f"{variable}: the proxy {endpoint} answers")


def check_values(plan: Plan) -> Iterator[Finding]:
    """Read each variable, and compare its two spellings: some programs read one, some the other."""
    for variable, text in proxies.named(plan.environment).items():
        try:
            proxies.endpoint(variable, text)
        except InputError as error:
            yield Finding(MISSING, str(error))
    for name in proxies.NAMES:
        lower, upper = plan.environment.get(name), plan.environment.get(name.upper())
        if lower is not None and upper is not None and lower != upper:
            remedy = "and programs disagree which one counts; set both alike"
            yield Finding(WARNING, f"{name} and {name.upper()} differ, {remedy}")


def check_socks(plan: Plan) -> Iterator[Finding]:
    """
    Say which of our programs cannot use a SOCKS proxy: npm reads no all_proxy, `requests` needs PySocks for one.

    Git can. Where https_proxy names another proxy, `requests` takes that one.
    """
    every, secure = (proxies.value(plan.environment, name) for name in ("all_proxy", "https_proxy"))
    if every and not secure and plan.repos("build_environment"):
        remedy = "set https_proxy and http_proxy where npm cannot do without a proxy"
        yield Finding(WARNING, f"all_proxy: npm and the other package managers do not read it; {remedy}")
    calls = bool(plan.repos("push_mirror"))
    if importlib.util.find_spec("socks") or not (calls or plan.deep):
        return
    if _is_socks(secure or every):
        remedy = "set https_proxy to an HTTP proxy, or pip install PySocks"
        text = "GitHub's API would be called through SOCKS, and PySocks is not installed"
        yield Finding(MISSING if calls else WARNING, f"{text}; {remedy}")
    elif _is_socks(every):
        remedy = "https_proxy is used instead; pip install PySocks to change that"
        yield Finding(WARNING, f"all_proxy is SOCKS and PySocks is not installed: {remedy}")


def failure(endpoint: proxies.Endpoint) -> str | None:
    """Return why no connection to an endpoint can be made from here, None when it can."""
    try:
        socket.create_connection((endpoint.host, endpoint.port), timeout=TIMEOUT_S).close()
    except OSError as error:
        return error.strerror or str(error) or type(error).__name__
    return None


def _is_socks(text: str) -> bool:
    try:
        return bool(text) and proxies.endpoint("", text).is_socks
    except InputError:  # told by `check_values`
        return False
