"""The import of SWE-smith's registry: its real package in an environment of its own, whole and reproducible."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tracesmith.environments import profiles

SCRIPT = Path(__file__).parents[2] / "scripts" / "import_swesmith_profiles.py"
SMALL = ["docker", "ghapi", "python-dotenv", "unidiff"]
SWESMITH = ["--no-deps", "swesmith==0.0.9", "swebench==4.1.0"]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the script."""
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an interpreter that has swesmith and nothing of ours."""
    folder = tmp_path_factory.mktemp("swesmith")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet"]
    for packages in (SMALL, SWESMITH):
        subprocess.run([*pip, *packages], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def imported(python: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of a whole import and what it printed."""
    folder = tmp_path_factory.mktemp("imported") / "profiles"
    done = run("--python", python, "--output", folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def listed(folder: Path) -> dict[str, Any]:
    """Return the profiles of import.json."""
    return dict(json.loads((folder / "import.json").read_text())["profiles"])


@pytest.mark.network
def test_every_profile_of_the_registry_is_accounted_for(imported: tuple[Path, str]) -> None:
    folder, told = imported
    found = listed(folder)
    counts = json.loads((folder / "import.json").read_text())["counts"]
    assert len(found) == sum(counts.values()) == 134
    assert told.startswith(f"134 profiles: {counts['ok']} ok, {counts['review']} review, {counts['unsupported']} unsup")
    assert counts["ok"] + counts["review"] >= 131
    written = {entry["file"] for entry in found.values() if entry["status"] != "unsupported"}
    assert {path.name for path in folder.glob("*.yaml")} == written
    assert all(bool(entry["reasons"]) == (entry["status"] != "ok") for entry in found.values())


@pytest.mark.network
def test_every_file_is_a_profile_that_says_why_it_is_doubtful(imported: tuple[Path, str]) -> None:
    folder, _ = imported
    for entry in listed(folder).values():
        if entry["file"]:
            profile = profiles.read(folder / entry["file"])
            assert "node_modules/.bin/" in " ".join(profile.test.command)
            assert profile.source.startswith("git+https://github.com/")
            assert len(profile.source.rsplit("@", 1)[1]) == 40
            text = (folder / entry["file"]).read_text()
            assert [line for line in text.splitlines() if line.startswith("# REVIEW: ")] == [
                f"# REVIEW: {reason}" for reason in entry["reasons"]
            ]


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("Bit2d92cae7", "review", "fake counts"),
        ("Bit2d92cae7", "review", "masked failures"),
        ("Tailwindcssdf96ea5e", "review", "foreign runner"),
        ("Claudemem1341e93f", "review", "foreign runner"),
        ("Codeservere90504b8", "review", "forced colours"),
        ("Inke8b08e75", "review", "forced colours"),
        ("Cherrystudiob767d6e2", "review", "masked failures"),
        ("Ui28ebf1b8", "review", "log parser"),
        ("Xyflow39ff6e94", "review", "no unit tests"),
        ("Nest346c9543", "review", "package script"),
        ("G691c0ac85", "review", "several packages"),
        ("Stimulus422eb81f", "unsupported", "no runner"),
        ("TypeScript0a74ec4e", "unsupported", "no runner"),
    ],
)
def test_the_known_doubtful_ones_are_marked(imported: tuple[Path, str], name: str, status: str, kind: str) -> None:
    entry = listed(imported[0])[name]
    assert entry["status"] == status
    assert kind in {reason.partition(":")[0] for reason in entry["reasons"]}


@pytest.mark.network
def test_an_import_again_changes_nothing_and_overwrites_no_work(python: Path, tmp_path: Path) -> None:
    arguments = ["--python", python, "--output", tmp_path, "--only", "reduxjs/redux", "Zustand99379a6e"]
    assert run(*arguments).returncode == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"import.json", "reduxjs__redux.849c8ce5.yaml", "pmndrs__zustand.99379a6e.yaml"}
    assert run(*arguments).returncode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "pmndrs__zustand.99379a6e.yaml").write_text("# looked at\n")
    done = run(*arguments)
    assert done.returncode == 2
    assert "pmndrs__zustand.99379a6e.yaml: differs" in done.stderr
    assert (tmp_path / "pmndrs__zustand.99379a6e.yaml").read_text() == "# looked at\n"


@pytest.mark.network
def test_an_unknown_name_is_refused_with_the_known(python: Path, tmp_path: Path) -> None:
    done = run("--python", python, "--output", tmp_path / "out", "--only", "Nothing")
    assert done.returncode == 2
    assert "'Nothing'" in done.stderr
    assert "Redux849c8ce5" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_swesmith_the_error_says_how_to_get_it(tmp_path: Path) -> None:
    done = run("--output", tmp_path / "out")
    assert done.returncode == 2
    assert "No module named 'swesmith'" in done.stderr
    assert "pip install --no-deps swesmith==0.0.9 swebench==4.1.0" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_is_no_interpreter_is_refused(tmp_path: Path) -> None:
    done = run("--python", tmp_path / "python", "--output", tmp_path / "out")
    assert done.returncode == 2
    assert f"{tmp_path / 'python'}: no interpreter" in done.stderr
