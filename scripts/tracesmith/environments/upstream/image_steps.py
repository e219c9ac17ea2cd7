"""
Read what an upstream Dockerfile does before and after it clones the repository.

A plain installation becomes the package manager's own, by the lockfile. Flags that matter are kept, with lifecycle
scripts turned off as everywhere here; what else runs in the tree stays a step of its own.
"""

import re
from dataclasses import dataclass, field

from tracesmith.environments.upstream import shell
from tracesmith.environments.upstream.managers import MANAGERS, Wanted
from tracesmith.environments.upstream.registry import Doubt

NODE = "22"
DROPPED = re.compile(
    r"apt(-get)? (-\S+ )*update|rm -rf /var/lib/apt|git (submodule|config|checkout)|"
    r"(npm|yarn) cache clean|pnpm store prune"
)
INSTALL = re.compile(r"\b(npm|pnpm|yarn|bun) (?:install|i|ci)\b(?! -g)")
IN_EVERY_IMAGE = {"git", "ca-certificates"}
# Without them the manager's own installation by the lockfile is the same.
PLAIN_FLAGS = {"--frozen-lockfile", "--immutable", "--no-audit", "--no-fund", "--ignore-scripts", "--include=dev"}
PLAIN_FLAGS |= {"--non-interactive"}
WITH_VALUE = {"--filter", "-F", "--network-timeout"}


@dataclass
class ImageSteps:
    """What an image's Dockerfile does, in the words of a profile."""

    node: str = NODE
    manager: Wanted = field(default_factory=Wanted)
    dockerfile: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    install: list[list[str]] = field(default_factory=list)
    build: list[list[str]] = field(default_factory=list)
    folder: str = "."
    doubts: list[Doubt] = field(default_factory=list)
    is_cloned: bool = False
    is_installed: bool = False

    def doubt(self, kind: str, text: str) -> None:
        """Note a reason to look at the profile."""
        self.doubts.append(Doubt(kind, text))


def read(text: str) -> ImageSteps:
    """Return the steps of a Dockerfile."""
    found = ImageSteps()
    joined = re.sub(r"\\\n", " ", text)
    for line in filter(None, (line.strip() for line in joined.splitlines())):
        keyword, _, rest = line.partition(" ")
        if keyword == "RUN":
            _run(found, rest.strip())
        elif keyword in INSTRUCTIONS:
            INSTRUCTIONS[keyword](found, rest.strip())
        elif not line.startswith("#") and keyword not in ("CMD", "ENTRYPOINT", "EXPOSE"):
            found.doubt("image step", f"the instruction `{line}` is left out")
    if not found.is_installed:
        found.doubt("image step", "no installation of the dependencies was recognised")
    found.doubts += found.manager.doubts()
    return found


def _from(found: ImageSteps, image: str) -> None:
    node, bun = re.fullmatch(r"node:(\d+)(?:-\S+)?", image), re.fullmatch(r"oven/bun:(\S+)", image)
    if node:
        found.node = node[1]
    else:
        found.doubt("node version", f"the image {image} names no version of Node; {NODE} is assumed")
    if bun:
        found.manager.name = "bun"
        found.manager.note(bun[1].split("-")[0])


def _workdir(found: ImageSteps, folder: str) -> None:
    found.folder = folder.removeprefix("/testbed").strip("/") or "."


def _env(found: ImageSteps, text: str) -> None:
    name, _, value = text.replace(" ", "=", 1).partition("=") if "=" not in text else text.partition("=")
    if "$" in value or name == "PATH":
        found.doubt("image step", f"`ENV {text}` is left out: its value depends on the image's")
    else:
        found.environment[name] = value.strip("\"'")


INSTRUCTIONS = {"FROM": _from, "WORKDIR": _workdir, "ENV": _env}


def _run(found: ImageSteps, line: str) -> None:
    commands = shell.steps(line)
    if commands is None:
        _other(found, line)
        return
    inside = "" if found.folder == "." else f"cd {found.folder} && "
    for command in commands:
        words = shell.words(command)
        if words[0] == "cd":
            inside += f"{command} && "
        else:
            _step(found, command, words, inside)


def _step(found: ImageSteps, command: str, words: list[str], inside: str) -> None:
    """Sort one command; `inside` leads into the folder where it runs, if that is not the root of the repository."""
    variables, rest = shell.assignments(words)
    if DROPPED.match(command) or found.manager.learn(words):
        return
    if words[:2] == ["git", "clone"]:
        found.is_cloned = True
    elif words[0] in ("apt", "apt-get", "apk"):
        _packages(found, words)
    elif _is_install(rest) and not inside:
        _install(found, variables, rest)
    else:
        _other(found, inside + command)


def _packages(found: ImageSteps, words: list[str]) -> None:
    names = [word for word in words[1:] if not word.startswith("-") and word not in ("install", "add")]
    wanted = [name for name in names if name not in IN_EVERY_IMAGE]
    if words[0] == "apk" and wanted:
        found.doubt("image step", f"packages of Alpine, which Debian has under other names: {' '.join(wanted)}")
    elif wanted:
        install = f"apt-get install --yes --no-install-recommends {' '.join(wanted)}"
        found.dockerfile.append(f"RUN apt-get update && {install} && rm -rf /var/lib/apt/lists/*")


def _is_install(words: list[str]) -> bool:
    manager, command, *flags = [*words, ""][:2] + words[2:]
    if manager not in MANAGERS or command not in ("install", "i", "ci"):
        return False
    return not any(
        not flag.startswith("-") and before not in WITH_VALUE for before, flag in zip(["", *flags], flags, strict=False)
    )


def _install(found: ImageSteps, variables: dict[str, str], words: list[str]) -> None:
    """Note an installation; one that is plain and first is the manager's own."""
    found.manager.name = words[0]
    found.manager.is_immutable |= "--immutable" in words
    prefix = ["env", *(f"{name}={value}" for name, value in variables.items())] if variables else []
    flags = set(words[2:]) - PLAIN_FLAGS
    patient = all(flag.startswith("--network-timeout") or flag.isdecimal() for flag in flags)
    if found.install:
        found.doubt("image step", "files are changed before the installation, which the lockfile may not fit any more")
    if found.install or variables or not patient or found.is_installed:
        found.install.append([*prefix, *words, *(flag for flag in found.manager.no_scripts if flag not in words)])
    found.is_installed = True


def _other(found: ImageSteps, command: str) -> None:
    """Note a command that is no installation, at the place where it ran."""
    if re.search(r"\b(playwright|puppeteer|cypress) install\b", command):
        found.doubt("browser", f"`{command}` fetches a browser for the tests")
    if not found.is_cloned:
        found.dockerfile.append(f"RUN {command}")
        found.doubt("image step", f"`{command}` ran before the repository was there; it reaches Docker images alone")
        return
    (found.build if found.is_installed else found.install).append(shell.argv(command))
    manager = INSTALL.search(command)
    if manager:
        found.manager.name, found.is_installed = found.manager.name or manager[1], True
        found.doubt("image step", f"`{command}` installs in a way of its own; a lockfile is sought in the root alone")
