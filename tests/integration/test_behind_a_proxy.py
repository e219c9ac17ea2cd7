"""Behind a proxy: the commands of docs/proxies.md, as they stand but for address and port, and what goes through it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boxes
import pytest

import proxy_server
import workflows
from proxy_server import Proxy
from tracesmith import configuration, proxies
from tracesmith.mirrors import github
from tracesmith.preflight import containers, endpoints
from tracesmith.preflight import plan as plans
from tracesmith.sandboxes import docker
from tracesmith.sandboxes.docker import DockerBackend

GUIDE = workflows.ROOT / "docs" / "proxies.md"
ENVIRONMENT = "logs/build_images/npm__css-what.v8.0.0/environment.json"
GET = """
const { hostname: host, port } = new URL(process.argv[1]);
require("node:http").get({ host, port, path: process.argv[2] }, (answer) => answer.pipe(process.stdout));
"""


def blocks(kind: str) -> list[str]:
    """Return the blocks of one language of the guide."""
    return re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", GUIDE.read_text())


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without the proxies of this machine."""
    for name in proxies.VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a fresh clone to the guide's commands."""
    for name in ("Makefile", "Snakefile", "config.yaml", "configs", "profiles", "rules", "schemas", "scripts"):
        (tmp_path / name).symlink_to(workflows.ROOT / name)
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def gateway() -> str:
    """This machine's address on the bridge."""
    client = docker.connect()
    found = str(client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"])
    client.close()
    return found


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with proxy_server.serve() as server:
        yield server


class Session:
    """A shell in which the guide's commands run one after the other; what they start is gone at the end."""

    def __init__(self, folder: Path) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.shell = subprocess.Popen(
            ["bash", "-e"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, commands: str) -> str:
        """Run some lines and return what they print; the first that fails is an error."""
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f"{commands}\necho '=== done'\n")
        self.shell.stdin.flush()
        said = []
        for line in self.shell.stdout:
            if line == "=== done\n":
                return "".join(said)
            said.append(line)
        raise AssertionError("".join(said))

    def end(self) -> None:
        """End the shell and all that it started."""
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.communicate()


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    shell = Session(folder)
    yield shell
    shell.end()


@pytest.mark.docker
@pytest.mark.sandbox
@pytest.mark.network
def test_the_commands_of_the_guide_work(
    session: Session, folder: Path, proxy: Proxy, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shutil.which("socat"), "the guide needs Debian's package socat"

    def run(block: str) -> str:
        here = block.replace("172.17.0.1", gateway).replace("7890", str(proxy.port))
        return session.run(here.replace("make doctor", "make -o setup doctor"))

    alone, bridge, forward, check_and_build = blocks("sh")
    assert f"http_proxy: the proxy {proxy.url()} answers" in run(alone)
    assert run(bridge) == f"{gateway}\n"
    run(forward)
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy.url(gateway))
    workflows.wait_for(lambda: not endpoints.failure(proxies.Endpoint("http", gateway, proxy.port)))
    said = run(check_and_build)
    assert f"http_proxy: containers reach the proxy {proxy.url(gateway)}" in said
    assert "MISSING" not in said
    image = json.loads((folder / ENVIRONMENT).read_text())["image"]
    check_what_went_through(proxy, gateway, image)


def check_what_went_through(proxy: Proxy, gateway: str, image: str) -> None:
    """npm on this machine and in a container was served by the proxy, a page too, and the image does not name it."""
    counts = [len(proxy.requests)]
    with proxy_server.web_server(b"a page") as port, DockerBackend(image, boxes.LIMITS, network=True).open() as box:
        page = f"http://127.0.0.1:{port}/"
        done = box.run(["sh", "-c", 'node -e "$1" "$http_proxy" "$2"', "sh", GET, page], timeout_s=60)
        assert (done.text, proxy.requests[-1]) == ("a page", f"GET {page}")
        counts.append(len(proxy.requests))
        done = box.run(["npm", "ping"], timeout_s=120, environment=authorities())
        assert done.exit_code == 0, done.text
    assert 0 < counts[0] < counts[1] < len(proxy.requests)
    client = docker.connect()
    about = json.dumps([client.images.get(image).history(), client.images.get(image).attrs])
    client.close()
    assert gateway not in about
    assert "_proxy" not in about.lower()


def authorities() -> dict[str, str]:
    """Return the variable by which this machine's npm trusts its network; the file is in our base image too."""
    return {name: os.environ[name] for name in ("NODE_EXTRA_CA_CERTS",) if name in os.environ}


def test_without_pysocks_the_api_goes_through_the_http_proxy(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", proxy.url())
    with proxy_server.web_server(b'{"login": "acme"}') as port:
        client = github.Client(f"http://127.0.0.1:{port}", "token")
        assert client.call("GET", "/user") == (200, {"login": "acme"})
    assert proxy.requests == [f"GET http://127.0.0.1:{port}/user"]


@pytest.mark.docker
def test_a_proxy_that_containers_cannot_reach_is_a_miss_with_the_socat_line(
    folder: Path, proxy: Proxy, gateway: str
) -> None:
    environment = {"https_proxy": proxy.url(), "http_proxy": f"http://{gateway}:{proxy.port}"}
    found = configuration.read([folder / "mine.yaml"], {})
    plan = plans.Plan(found, plans.steps_of(found, ["demo"]), environment, deep=True)
    nobody, loopback = sorted(containers.check(plan), key=lambda finding: finding.text)
    assert loopback.status == nobody.status == plans.MISSING
    assert f"socat TCP-LISTEN:{proxy.port},bind={gateway},fork,reuseaddr TCP:127.0.0.1:{proxy.port}" in loopback.text
    assert f"set https_proxy to http://{gateway}:{proxy.port}" in loopback.text
    assert f"http_proxy: no container reaches the proxy http://{gateway}:{proxy.port} (ECONNREFUSED)" in nobody.text


@pytest.mark.sandbox
@pytest.mark.network
def test_npm_in_bubblewrap_goes_through_a_proxy_with_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_server.serve("user:p@ssword") as proxy:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url())
        backend = boxes.make_backend("bubblewrap", str(tmp_path), network=True)
        with backend.open() as box:
            done = box.run(["npm", "ping"], timeout_s=120, environment=authorities())
    assert done.exit_code == 0, done.text
    assert any(line.startswith(("CONNECT ", "GET ")) for line in proxy.requests)
