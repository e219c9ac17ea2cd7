"""What tests/conftest.py promises, seen from pytest runs of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def run_pytest(folder: Path, files: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder with our conftest and configuration, and no Docker engine."""
    for name, text in {"conftest.py": "", **files}.items():
        path = folder / "tests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"import pytest\n\n{text}")
    for name in ("conftest.py", "needs.py"):
        shutil.copy(REPOSITORY / "tests" / name, folder / "tests" / name)
    shutil.copy(REPOSITORY / "pyproject.toml", folder / "pyproject.toml")
    inherited = {key: value for key, value in os.environ.items() if key != "TRACESMITH_NO_SKIP"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "tests"],
        cwd=folder,
        env=inherited | {"DOCKER_HOST": f"unix://{folder}/no.sock"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


NEEDS_DOCKER = """
@pytest.fixture
def too_early():
    raise AssertionError("a fixture was made for a test that cannot run")

@pytest.mark.docker
def test_needs_docker(too_early):
    pass
"""


def test_missing_need_is_skipped_by_name(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, {"test_a.py": NEEDS_DOCKER})
    assert done.returncode == 0, done.stdout
    assert "missing: a Docker engine" in done.stdout
    assert "1 skipped" in done.stdout


def test_need_that_is_there_runs(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, {"test_a.py": "def test_plain():\n    pass\n"})
    assert "1 passed" in done.stdout


def test_unknown_marker_is_refused(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, {"test_a.py": "@pytest.mark.dokcer\ndef test_typo():\n    pass\n"})
    assert done.returncode != 0
    assert "'dokcer' not found" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NEEDS_DOCKER, id="missing need"),
        pytest.param("def test_call():\n    pytest.skip('by hand')\n", id="skip call"),
        pytest.param("@pytest.mark.skip(reason='by hand')\ndef test_mark():\n    pass\n", id="skip mark"),
        pytest.param("@pytest.mark.skipif(True, reason='by hand')\ndef test_if():\n    pass\n", id="skipif mark"),
        pytest.param("pytest.skip('by hand', allow_module_level=True)\n", id="whole module"),
        pytest.param("pytest.importorskip('no_such_module')\n", id="importorskip of a module"),
        pytest.param("def test_import():\n    pytest.importorskip('no_such_module')\n", id="importorskip in a test"),
        pytest.param(
            "@pytest.fixture\ndef gone():\n    pytest.skip('by hand')\n\ndef test_x(gone):\n    pass\n", id="fixture"
        ),
    ],
)
def test_no_skip_makes_every_skip_a_failure(tmp_path: Path, text: str) -> None:
    files = {"test_a.py": text}
    assert "1 skipped" in run_pytest(tmp_path, files).stdout

    done = run_pytest(tmp_path, files, TRACESMITH_NO_SKIP="1")
    assert done.returncode != 0
    assert "TRACESMITH_NO_SKIP=1 makes this skip a failure" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_expected_failure_is_no_skip(tmp_path: Path) -> None:
    text = "@pytest.mark.xfail(reason='known')\ndef test_known():\n    assert False\n"
    done = run_pytest(tmp_path, {"test_a.py": text}, TRACESMITH_NO_SKIP="1")
    assert done.returncode == 0, done.stdout
    assert "1 xfailed" in done.stdout


def test_slow_folders_run_last(tmp_path: Path) -> None:
    folders = ["integration", "scripts", "unit", "workflow"]
    files = {f"{folder}/test_{folder}.py": "def test_it():\n    pass\n" for folder in folders}
    lines = run_pytest(tmp_path, files).stdout.splitlines()
    ran = [line.split("/")[1] for line in lines if "PASSED" in line]
    assert ran == ["unit", "scripts", "workflow", "integration"]
