"""
The proxy variables: the one list of them, and how their values are read without showing a password.

They reach a sandbox only when it has the network, and never through an argument or a file that stays.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from tracesmith.errors import InputError

ENDPOINTS = ("http_proxy", "https_proxy", "all_proxy")
NAMES = (*ENDPOINTS, "no_proxy")
VARIABLES = tuple(variable for name in NAMES for variable in (name, name.upper()))
PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True)
class Endpoint:
    """Where a proxy listens."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine as only the machine itself can call it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, not HTTP."""
        return self.scheme.startswith("socks")


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables of an environment."""
    return {name: environment[name] for name in VARIABLES if name in environment}


def named(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name a proxy, with what they say."""
    names = (variable for name in ENDPOINTS for variable in (name, name.upper()))
    return {name: environment[name] for name in names if environment.get(name)}


def value(environment: Mapping[str, str], name: str) -> str:
    """Return what a variable says, in the order in which Python and curl look: the lower case first."""
    return environment.get(name) or environment.get(name.upper(), "")


def endpoint(variable: str, text: str) -> Endpoint:
    """Return where the proxy that a variable names listens. Raises InputError, which shows no part of a bad value."""
    try:
        parts = _split(text)
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise InputError(f"{variable}: not the URL of a proxy, such as http://127.0.0.1:7890") from None
    if not parts.hostname or re.search(r"\s", parts.netloc):
        raise InputError(f"{variable}: not the URL of a proxy, such as http://127.0.0.1:7890")
    return Endpoint(parts.scheme, parts.hostname, port)


def blot(text: str, environment: Mapping[str, str]) -> str:
    """Return a text without the passwords of the proxies, which a program may have printed."""
    for found in named(environment).values():
        user = _user(found)
        password = user.partition(":")[2]
        if user and not password:  # a token, or a name that may be any word: only where it is part of an address
            text = text.replace(f"{user}@", "***@")
        for secret in filter(None, (password and user, password and unquote(user), password, unquote(password))):
            text = text.replace(secret, "***")
    return text


def _user(text: str) -> str:
    """Return `user:password` of a proxy's address as it stands there; nothing where there is none."""
    try:
        return _split(text).netloc.rpartition("@")[0]
    except ValueError:
        return ""


def _split(text: str) -> SplitResult:
    """Split an address; without a scheme it is http, as for every program that reads the variables."""
    return urlsplit(text.strip() if "://" in text else f"http://{text.strip()}")
