"""The few calls of GitHub's REST API that a mirror needs. The token goes to the API's own host and nowhere else."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from tracesmith import remotes
from tracesmith.errors import InfrastructureError, InputError

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

TIMEOUT_S = 30
ATTEMPTS = 5
LONGEST_WAIT_S = 60
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
LONGEST_NAME = 100  # GitHub's limit


@dataclass(frozen=True)
class Server:
    """Where mirrors stand, and for whom."""

    api_url: str
    git_url: str
    owner_type: str
    """user or org."""
    private: bool


class Client:
    """Calls the API with a token."""

    def __init__(self, api_url: str, token: str) -> None:
        import requests  # noqa: PLC0415 - a fifth of a second that nobody else need pay

        self._url = api_url.rstrip("/")
        self._token = token
        self._session = requests.Session()
        self._no_answer = requests.RequestException

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """
        Return status and answer of a call, tried again where the server is busy, limits the rate or cannot be reached.

        Raises InputError when the token is refused and InfrastructureError when there is no good answer in the end.
        """
        for attempt in range(ATTEMPTS):
            wait = 2.0**attempt
            try:
                answer = self._send(method, path, body)
            except self._no_answer as error:
                said = f"no answer ({type(error).__name__})"
            else:
                if not _is_passing(answer):
                    return answer.status_code, self._read(answer)
                said, wait = f"status {answer.status_code}", _wanted_wait(answer, wait)
            if attempt < ATTEMPTS - 1:
                logger.info("%s %s: %s; trying again in %.0f s", method, path, said, wait)
                time.sleep(wait)
        raise InfrastructureError(f"{method} {self._url}{path}: {said}, {ATTEMPTS} times; try again later")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> "requests.Response":
        return self._session.request(
            method,
            f"{self._url}{path}",
            json=body,
            timeout=TIMEOUT_S,
            auth=self._authorize,
            allow_redirects=method == "GET",
        )

    def _authorize(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        """Set the headers; as an `auth` of requests, so that no ~/.netrc takes its place."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        request.headers["Accept"] = "application/vnd.github+json"
        request.headers["X-GitHub-Api-Version"] = "2022-11-28"
        return request

    def _read(self, answer: "requests.Response") -> dict[str, Any]:
        if answer.status_code == 401:
            raise InputError(f"{self._url}: {remotes.TOKEN_VARIABLE} is not accepted; it is wrong or has expired")
        try:
            value = answer.json()
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def said(self, status: int, answer: dict[str, Any]) -> str:
        """Return what a server answered, for a message: short and without the token."""
        message = str(answer.get("message", "no reason given")).replace(self._token, "***")
        return f"status {status}, {message[:300]}"


def check_server(server: Server) -> None:
    """Raise InputError for a URL over which the token must not be sent."""
    for key, url in (("mirror.api_url", server.api_url), ("mirror.git_url", server.git_url)):
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not safe or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise InputError(f"{key}: wanted is an https URL without user, password or query")


def ensure_repository(server: Server, name: str, token: str) -> bool:
    """
    Create the repository `owner/name` where it is missing and tell whether it was.

    Raises InputError when it may not be created or is more public than wanted.
    """
    owner, _, repository = name.partition("/")
    if len(repository) > LONGEST_NAME:
        raise InputError(f"{name}: GitHub takes repository names of at most {LONGEST_NAME} characters")
    client = Client(server.api_url, token)
    if _exists(client, name, server.private):
        return False
    if server.owner_type == "user":
        _check_user(client, owner)
    path = "/user/repos" if server.owner_type == "user" else f"/orgs/{quote(owner)}/repos"
    body = {"name": repository, "private": server.private, "has_issues": False, "has_wiki": False, "auto_init": False}
    status, answer = client.call("POST", path, body)
    if status == 422 and _exists(client, name, server.private):  # made by a call whose answer was lost
        return True
    if status >= 300:
        raise InputError(
            f"{name} cannot be created: {client.said(status, answer)}; check organisation.github, "
            f"organisation.github_owner_type and what {remotes.TOKEN_VARIABLE} may do"
        )
    logger.info("created %s repository %s", "private" if server.private else "public", name)
    return True


def _exists(client: Client, name: str, private: bool) -> bool:
    status, answer = client.call("GET", f"/repos/{quote(name)}")
    if status == 404:
        return False
    if status != 200:
        raise InfrastructureError(f"whether {name} exists is not known: {client.said(status, answer)}")
    if private and answer.get("private") is False:
        raise InputError(f"{name} is public and mirror.private is true: make it private, or set mirror.private: false")
    return True


def _check_user(client: Client, owner: str) -> None:
    """Refuse before a repository is made under another name than the datasets will say."""
    status, answer = client.call("GET", "/user")
    login = answer.get("login")
    if status == 200 and isinstance(login, str) and login.lower() != owner.lower():
        raise InputError(
            f"{remotes.TOKEN_VARIABLE} is a token of {login}, not of {owner}: set organisation.github: {login}, or "
            "organisation.github_owner_type: org"
        )


def _is_passing(answer: "requests.Response") -> bool:
    """Tell whether the same call may succeed later."""
    limited = answer.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in answer.headers
    return answer.status_code >= 500 or answer.status_code == 429 or (answer.status_code == 403 and limited)


def _wanted_wait(answer: "requests.Response", otherwise: float) -> float:
    wanted = answer.headers.get("Retry-After", "")
    return min(float(wanted), LONGEST_WAIT_S) if wanted.isdecimal() else otherwise
