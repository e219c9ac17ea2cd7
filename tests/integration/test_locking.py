"""A lockfile that cannot be written: why, in one error, and nothing half-written."""

from collections.abc import Iterator
from pathlib import Path

import boxes
import pytest

import managed
import npm_server
from tracesmith import stores
from tracesmith.environments import installing
from tracesmith.errors import InfrastructureError, InputError

pytestmark = pytest.mark.sandbox
NO_RETRY = {"npm_config_fetch_retries": "0"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[npm_server.Servers]:
    with npm_server.serve(tmp_path_factory.mktemp("registry"), "127.0.0.1") as found:
        yield found


@pytest.fixture(autouse=True)
def network(servers: npm_server.Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point package managers at the registry of one package."""
    for name, value in servers.variables().items():
        monkeypatch.setenv(name, value)


def lock(folder: Path) -> Path | None:
    """Write the lockfile of the workspace."""
    source = managed.write(folder / "source", "npm")
    profile = managed.profile(folder, source, "npm", environment=NO_RETRY)
    return installing.lockfile(stores.Store(folder / "store"), profile, source, boxes.LIMITS)


def test_a_registry_behind_a_proxy_with_an_authority_of_its_own_is_reached_and_not_named(
    tmp_path: Path, servers: npm_server.Servers
) -> None:
    found = lock(tmp_path)
    assert found
    assert '"version": "2.1.3"' in found.read_text()
    assert npm_server.HOST not in found.read_text()
    assert f"{npm_server.HOST}:443" in servers.connects
    assert npm_server.PASSWORD not in found.read_text()


@pytest.mark.parametrize(
    ("variable", "value", "error", "said"),
    [
        ("https_proxy", "http://127.0.0.1:1", InfrastructureError, "a registry cannot be reached"),
        ("NODE_EXTRA_CA_CERTS", "", InfrastructureError, "set NODE_EXTRA_CA_CERTS"),
        ("NODE_EXTRA_CA_CERTS", "/nowhere/ca.pem", InputError, "NODE_EXTRA_CA_CERTS: /nowhere/ca.pem cannot be read"),
        (
            "npm_config_registry",
            f"https://{npm_server.HOST}/nothing/",
            InputError,
            "has no lockfile (package-lock.json)",
        ),
    ],
)
def test_what_stands_in_the_way_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, error: type[Exception], said: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(error) as raised:
        lock(tmp_path)
    assert said in str(raised.value)
    assert npm_server.PASSWORD not in str(raised.value)
    assert [path.name for path in (tmp_path / "store").iterdir()] == [".lock"]


def test_another_node_than_the_profiles_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    source = managed.write(tmp_path / "source", "npm")
    profile = managed.profile(tmp_path, source, "npm", node="19")
    with pytest.raises(InputError, match=r"Node 19 is wanted, bubblewrap's is v\d+"):
        installing.prepare(stores.Store(tmp_path / "store"), "one", profile, source, None, boxes.LIMITS)
    assert not (tmp_path / "store").exists()
