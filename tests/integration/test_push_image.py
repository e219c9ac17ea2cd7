"""Images on a real registry: pushed once, found by their digest, and the password seen by Docker's helper alone."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import guide_runs
import image_registry
import managed
from image_registry import PASSWORD, Registry
from tracesmith import prepared
from tracesmith.environments.engines import Engine
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.sandboxes import docker
from tracesmith.sandboxes.base import Limits

pytestmark = [pytest.mark.docker, pytest.mark.image_registry]

SCRIPT = Path(__file__).parents[2] / "scripts" / "push_image.py"
REPO = "local__tool.0a1b2c3d"
LABEL = "tracesmith.push-test"
LIMITS = Limits(1 << 30, 64, 1.0, 1 << 30)


def make_image(text: str) -> str:
    """Make an image of one file, which no registry has, and return its id."""
    dockerfile, data = f"FROM scratch\nLABEL {LABEL}={text}\nCOPY Dockerfile /testbed/\n".encode(), io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        archive.addfile(entry, io.BytesIO(dockerfile))
    data.seek(0)
    client = docker.connect()
    built, _ = client.images.build(fileobj=data, custom_context=True, rm=True)
    client.close()
    return str(built.id)


@dataclass
class Line:
    """A repository whose image is ready to be pushed."""

    folder: Path
    registry: Registry
    image: str

    @property
    def name(self) -> str:
        """The image's name in datasets."""
        return f"{self.registry.host}/me/swesmith.x86_64.local_1776_tool.0a1b2c3d"

    @property
    def output(self) -> Path:
        """The summary."""
        return self.folder / "logs" / "images" / f"{REPO}.json"

    def prepare(self, image: str | None, backend: str = "docker") -> None:
        """Write environment.json."""
        for name in ("source", "mirror.git"):
            (self.folder / name).mkdir(exist_ok=True)
        environment = prepared.Environment(
            repo=REPO,
            image_name=self.name,
            mirror_name=f"me/{REPO}",
            backend=backend,
            image=image,
            tree=None,
            source="source",
            source_hash="0",
            mirror="mirror.git",
            node="v24",
            installed=str(image),
            network=False,
            timeout_s=60,
            limits=LIMITS,
            test=prepared.TestSettings("vitest", ["vitest"], ["*.spec.ts"]),
            gate=prepared.Gate(
                runs=3, files=1, broken_files=0, tests=2, passed=2, failed=0, skipped=0, todo=0, flaky=[]
            ),
        )
        prepared.write(self.folder / "environment.json", environment, {})

    def push(self, *, logged_in: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the script as a user does."""
        folder = self.folder / "docker"
        variables = image_registry.write_helper(folder, self.registry.host) if logged_in else {"DOCKER_CONFIG": "none"}
        return subprocess.run(
            [sys.executable, SCRIPT, self.folder / "environment.json", "--output", self.output],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": str(self.folder), **variables},
        )


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with image_registry.serve(tmp_path / "registry") as found:
        yield found


@pytest.fixture
def line(tmp_path: Path, registry: Registry) -> Iterator[Line]:
    (tmp_path / "line").mkdir()
    made = Line(tmp_path / "line", registry, make_image("one"))
    made.prepare(made.image)
    yield made
    client = docker.connect()
    for image in client.images.list(filters={"label": LABEL}):
        client.images.remove(image.id, force=True)
    client.close()


def test_an_image_is_pushed_and_found_by_the_digest_of_the_summary(line: Line) -> None:
    done = line.push()
    assert done.returncode == 0, done.stderr
    summary = json.loads(line.output.read_text())
    assert (summary["repo"], summary["image_name"], summary["image"]) == (REPO, line.name, line.image)
    name, _, digest = summary["digest"].partition("@sha256:")
    assert (name, len(digest)) == (line.name, 64)
    client = docker.connect()
    client.images.remove(line.image, force=True)
    variables = image_registry.write_helper(line.folder / "docker", line.registry.host)
    pull = ["docker", "pull", "--quiet", summary["digest"]]
    subprocess.run(pull, check=True, capture_output=True, env={**os.environ, **variables})
    assert client.images.get(summary["digest"]).id == line.image
    client.close()


def test_the_example_of_the_reference_works_as_it_stands(line: Line) -> None:
    (line.folder / "scripts").symlink_to(SCRIPT.parent)
    (line.folder / "tmp").mkdir()
    others = {"logs/build_images/REPO/": "", "REPO": REPO}
    helper = image_registry.write_helper(line.folder / "docker", line.registry.host)
    guide_runs.run_examples(line.folder, ["push_image"], others, HOME=str(line.folder), **helper)
    assert json.loads(line.output.read_text())["image"] == line.image


def test_a_second_push_sends_nothing_and_says_the_same(line: Line) -> None:
    assert line.push().returncode == 0
    before, sent = line.output.read_bytes(), len(line.registry.requests("PUT"))
    again = line.push()
    assert again.returncode == 0
    assert "has sha256:" in again.stderr
    assert len(line.registry.requests("PUT")) == sent > 0
    assert line.output.read_bytes() == before


def test_another_image_takes_the_name_on_the_registry(line: Line) -> None:
    assert line.push().returncode == 0
    before = json.loads(line.output.read_text())["digest"]
    line.prepare(make_image("two"))
    done = line.push()
    assert done.returncode == 0, done.stderr
    assert "pushed" in done.stderr
    assert json.loads(line.output.read_text())["digest"] != before


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("nobody", 2, "log in with `docker login`"),
        ("bubblewrap", 2, "was prepared for bubblewrap and has no image; set sandbox.backend: docker"),
        ("gone", 2, "the engine has no image sha256:0000"),
        ("away", 1, "cannot be pushed"),
    ],
)
def test_what_cannot_be_pushed_is_one_line(line: Line, change: str, code: int, said: str) -> None:
    if change == "bubblewrap":
        line.prepare(None, "bubblewrap")
    elif change == "gone":
        line.prepare(f"sha256:{'0' * 64}")
    elif change == "away":
        line.registry = Registry("127.0.0.1:1", line.registry.log)
        line.prepare(line.image)
    done = line.push(logged_in=change != "nobody")
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not line.output.exists()


def test_the_password_is_in_no_file_of_ours_and_no_log(line: Line) -> None:
    done = line.push()
    assert done.returncode == 0
    assert PASSWORD not in done.stdout + done.stderr
    ours = [path for path in line.folder.rglob("*") if path.is_file() and path.parent.name != "docker"]
    assert ours
    assert not any(PASSWORD.encode() in path.read_bytes() for path in ours)


def test_a_missing_base_image_is_named_with_its_remedy(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in image_registry.write_helper(tmp_path / "docker", registry.host).items():
        monkeypatch.setenv(name, value)
    profile = managed.profile(tmp_path, managed.write(tmp_path / "source", "npm"), "npm")
    with pytest.raises(InputError, match=r"base image .*/node:24-nope is not .*sandbox\.base_image"):
        Engine(profile, LIMITS).find_base(f"{registry.host}/node:24-nope")
    with pytest.raises(InfrastructureError, match=r"base image 127\.0\.0\.1:1/node .*sandbox\.base_image"):
        Engine(profile, LIMITS).find_base("127.0.0.1:1/node")
