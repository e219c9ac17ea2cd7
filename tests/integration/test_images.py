"""Docker images: their layers, what is in them and what is not, and what a failed build leaves behind."""

import dataclasses
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boxes
import pytest

import managed
import npm_server
import workflows
from tracesmith import git, stores
from tracesmith.environments import contexts, images, profiles
from tracesmith.environments.engines import Engine
from tracesmith.environments.images import Wanted
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import docker
from tracesmith.sandboxes.base import Limits
from tracesmith.sandboxes.docker import DockerBackend

pytestmark = pytest.mark.docker
LIMITS = Limits(memory_bytes=2**31, pids=300, cpus=2, disk_bytes=2**30)
WRITE = "mkdir generated dist && echo 1 | tee generated/a dist/a.js.map"
BASE = "node:24-bookworm-slim"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[npm_server.Servers]:
    """Run the registry of one package, and its proxy where containers reach it."""
    client = docker.connect()
    gateway = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    client.close()
    with npm_server.serve(tmp_path_factory.mktemp("registry"), gateway) as found:
        yield found


@pytest.fixture(autouse=True)
def network(servers: npm_server.Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point package managers at that registry."""
    for name, value in servers.variables().items():
        monkeypatch.setenv(name, value)


def wanted(folder: Path, name: str, **changes: Any) -> Wanted:
    """Write the workspace and its profile and return what to build."""
    source = managed.write(folder / "source", "npm")
    return make_wanted(folder, managed.profile(folder, source, "npm", **changes), name)


def make_wanted(folder: Path, profile: Profile, name: str) -> Wanted:
    """Return what to build of a profile whose sources stand in a folder."""
    return Wanted(profile, folder / "source", f"local__{name}.00000000", f"tracesmith-test/{name}", BASE, False, LIMITS)


def build(folder: Path, one: Wanted, fingerprint: str = "one") -> str:
    """Lock and build below a folder; return the image's id."""
    store = stores.Store(folder / "store")
    lock = images.lockfile(store, one)
    return images.build(store, fingerprint, one, lock)[0]


def images_with(mark: str) -> list[str]:
    """Return the ids of the images, those of layers too, that were made with a variable."""
    client = docker.connect()
    found = [str(image["Id"]) for image in client.api.images(all=True)]
    marked = [name for name in found if f"MARK={mark}" in (client.images.get(name).attrs["Config"]["Env"] or [])]
    client.close()
    return marked


def commands(mark: str) -> list[str]:
    """Return the last words of the commands that run in containers with a variable."""
    client = docker.connect()
    found = client.containers.list(all=True, ignore_removed=True)
    marked = [box.attrs["Config"]["Cmd"][-1] for box in found if f"MARK={mark}" in box.attrs["Config"]["Env"]]
    client.close()
    return marked


@pytest.fixture(scope="module")
def first(servers: npm_server.Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wanted, str, Path]]:
    """Build one image for several tests."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in servers.variables().items():
            patch.setenv(name, value)
        one = wanted(folder, "first", build=[["grep", "processes *8192", "/proc/self/limits"], ["sh", "-c", WRITE]])
        with boxes.images_removed(one):
            yield one, build(folder, one), folder


def test_an_image_is_the_mirrors_one_commit_and_its_packages(first: tuple[Wanted, str, Path], tmp_path: Path) -> None:
    one, image, _ = first
    commit = git.make_mirror(tmp_path / "mirror.git", one.source)
    with DockerBackend(image, LIMITS).open() as box:
        assert box.run(["git", "rev-list", "--all"], timeout_s=60).text.split() == [commit]
        assert box.run(["git", "status", "--porcelain"], timeout_s=60).text == ""
        assert box.run(["git", "fsck", "--no-progress"], timeout_s=60).exit_code == 0
        assert box.run(["node", "--test", "packages/core/src/seconds.spec.ts"], timeout_s=60).exit_code == 0
        assert box.run(["sh", "-c", "ls -A; ls dist generated"], timeout_s=60).text.split() == [
            *(".git", ".npmrc", "generated", "node_modules", "package-lock.json", "package.json", "packages"),
            *("ls:", "cannot", "access", "'dist':", "No", "such", "file", "or", "directory", "generated:", "a"),
        ]


def test_stock_tools_find_git_and_the_tree_as_root(first: tuple[Wanted, str, Path]) -> None:
    line = ["run", "--rm", "--network", "none", first[1], "sh", "-c", "id -u; pwd; git log --format=%s; ls -A /tmp"]
    done = subprocess.run(["docker", *line], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["0", "/testbed", "Initial commit", ""]


def test_proxy_password_and_authority_serve_the_build_and_are_in_no_image(
    first: tuple[Wanted, str, Path], servers: npm_server.Servers
) -> None:
    one, image, folder = first
    assert {"/ms", "/ms/-/ms-2.1.3.tgz"} <= set(servers.paths)
    assert servers.connects
    client = docker.connect()
    for name in (image, images.packages_name(one.repo)):
        about = json.dumps([client.images.get(name).attrs, client.images.get(name).history()])
        assert npm_server.PASSWORD not in about
        assert servers.proxy not in about
    about = json.dumps([client.images.get(image).attrs["Config"]["Env"], client.images.get(image).history()])
    assert not any(word in about for word in ("npm_config", "proxy", "HOME", "package-manager", "ca.pem"))
    client.close()
    certificate = servers.authority.read_text().splitlines()[5]
    look = f"grep -rslF -e {npm_server.PASSWORD} -e {certificate} /testbed /home /etc /opt /var /usr/local || :"
    with DockerBackend(image, LIMITS).open() as box:
        assert box.run(["sh", "-c", look], timeout_s=120).text == ""
        assert box.run(["grep", "-rslF", npm_server.HOST, "."], timeout_s=60).exit_code == 1
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(npm_server.PASSWORD.encode() in text for text in texts)


def test_an_image_that_is_there_gets_another_name_without_a_build(first: tuple[Wanted, str, Path]) -> None:
    one, image, folder = first
    other = dataclasses.replace(one, image_name="tracesmith-test/other-owner")
    assert build(folder, other) == image
    client = docker.connect()
    assert client.images.get(other.image_name).id == image
    client.images.remove(other.image_name)
    client.close()


def has_image(name: str) -> bool:
    """Tell whether the engine has an image."""
    client = docker.connect()
    found = [image["Id"] for image in client.api.images(all=True)]
    client.close()
    return name in found


def layers_of_packages(one: Wanted) -> str:
    """Return the id of the image that holds a repository's packages."""
    client = docker.connect()
    found = str(client.images.get(images.packages_name(one.repo)).id)
    client.close()
    return found


def test_a_changed_source_installs_nothing_and_a_changed_manifest_does(
    first: tuple[Wanted, str, Path], servers: npm_server.Servers, tmp_path: Path
) -> None:
    one, image, folder = first
    shutil.copytree(folder / "store", tmp_path / "store", ignore=shutil.ignore_patterns("docker"))
    source = shutil.copytree(one.source, tmp_path / "source")
    other = dataclasses.replace(one, source=source, repo="local__second.1", image_name="tracesmith-test/second")
    (source / "packages/core/src/seconds.ts").write_text(managed.CODE + "// changed\n")
    asked = len(servers.paths)
    with boxes.images_removed(other):
        superseded = build(tmp_path, other)
        assert superseded != image
        assert layers_of_packages(other) == layers_of_packages(one)
        assert len(servers.paths) == asked
        manifest = source / "packages/divide/package.json"
        manifest.write_text(manifest.read_text().replace("1.0.0", "1.0.1"))
        build(tmp_path, other, "two")
        assert layers_of_packages(other) != layers_of_packages(one)
        assert len(servers.paths) > asked
        assert has_image(image)
        assert not has_image(superseded), "a store keeps one image"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (
            {"install": [["sh", "-c", "echo wanted; exit 3"]]},
            InputError,
            "sh -c echo wanted; exit 3 ended with exit code 3: wanted",
        ),
        (
            {"build": [["sh", "-c", "echo ENOSPC: no space left on device; exit 1"]]},
            InfrastructureError,
            "disk is full",
        ),
        ({"dockerfile": ["NONSENSE"]}, InputError, "unknown instruction: NONSENSE"),
    ],
)
def test_a_build_that_fails_is_one_error_and_leaves_nothing(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    mark = secrets.token_hex(8)
    one = wanted(tmp_path, "failing", environment={"MARK": mark}, **changes)
    (one.source / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": {}}))
    with boxes.images_removed(one), pytest.raises(error, match="ManagedProfile: ") as raised:
        build(tmp_path, one)
    assert said in str(raised.value)
    assert "$@" not in str(raised.value)
    assert npm_server.PASSWORD not in str(raised.value)
    assert images_with(mark) == []
    assert commands(mark) == []
    assert not (tmp_path / "store" / "docker").exists()


def test_a_killed_build_leaves_no_container_and_the_next_one_goes_on_from_there(
    tmp_path: Path, servers: npm_server.Servers
) -> None:
    mark = secrets.token_hex(8)
    slow = {"install": [["npm", "install", "--ignore-scripts"], ["sh", "-c", "sleep 3"]], "environment": {"MARK": mark}}
    one = wanted(tmp_path, "killed", **slow)
    command = [sys.executable, __file__, tmp_path, "killed"]
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with boxes.images_removed(one), subprocess.Popen(command, env=path) as process:
        workflows.wait_for(lambda: "sleep 3" in commands(mark))
        process.kill()
        process.wait()
        workflows.wait_for(lambda: not commands(mark))
        assert not (tmp_path / "store" / "docker").exists()
        asked = len(servers.paths)
        build(tmp_path, one)
        assert len(servers.paths) == asked, "what was installed before the kill is used again"
    assert images_with(mark) == []


if __name__ == "__main__":
    place, name = Path(sys.argv[1]), sys.argv[2]
    build(place, make_wanted(place, profiles.read(place / "managed.yaml"), name))


def test_what_was_built_stays_when_another_folder_takes_its_name(tmp_path: Path) -> None:
    one, client = wanted(tmp_path, "taken"), docker.connect()
    engine = Engine(one.profile, LIMITS)
    text = f"FROM {BASE}\nRUN echo {secrets.token_hex()}\n"
    name = f"tracesmith-test/taken:{secrets.token_hex(4)}"
    with engine.tidy():
        built = engine.build(lambda: contexts.system(text), name, None)
        client.images.get(BASE).tag(name)
    try:
        assert client.images.get(built).tags == []
        with DockerBackend(built, LIMITS).open() as box:
            assert box.run(["true"], timeout_s=60).exit_code == 0
    finally:
        client.images.remove(name)
        client.images.remove(built)
        client.close()
