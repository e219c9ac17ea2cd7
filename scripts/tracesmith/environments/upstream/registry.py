"""Ask an interpreter that has swesmith for its registered TypeScript profiles."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tracesmith import files, programs
from tracesmith.errors import InputError

DUMP = Path(__file__).with_name("dump.py")
TIMEOUT_S = 300
HOW_TO_INSTALL = (
    "python3 -m venv sw && sw/bin/pip install docker ghapi python-dotenv unidiff && "
    "sw/bin/pip install --no-deps swesmith==0.0.9 swebench==4.1.0, and name it with --python sw/bin/python"
)


@dataclass(frozen=True)
class Doubt:
    """A reason why a person has to look at an imported profile."""

    kind: str
    """A few words, by which doubts are counted."""
    text: str

    def __str__(self) -> str:
        """Return the line of the profile's header."""
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class UpstreamProfile:
    """One class of SWE-smith's registry."""

    name: str
    owner: str
    repo: str
    commit: str
    test_cmd: str
    exts: list[str]
    dockerfile: str
    parser: str
    """Source of its log_parser."""


@dataclass(frozen=True)
class Registry:
    """What an installation of SWE-smith has."""

    version: str
    profiles: list[UpstreamProfile]


def read(python: Path) -> Registry:
    """Return the TypeScript profiles of the swesmith that an interpreter has. Raises InputError when it has none."""
    try:
        done = programs.run([python, "-B", DUMP], timeout_s=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise InputError(f"{python}: importing swesmith took over {TIMEOUT_S} s") from None
    except OSError as error:
        raise InputError(f"{python}: no interpreter that can be run ({error.strerror}); {HOW_TO_INSTALL}") from None
    if done.returncode:
        said = re.findall(r"(?m)^\w*(?:Error|Exception)\b.*$", done.stderr.decode(errors="replace"))
        last = said[-1] if said else f"exit code {done.returncode}"
        raise InputError(f"{python}: swesmith's profiles cannot be imported ({last}); {HOW_TO_INSTALL}")
    found = files.parse_json(done.stdout.decode(errors="replace"), f"what {DUMP.name} printed")
    return Registry(str(found["version"]), [UpstreamProfile(**profile) for profile in found["profiles"]])
