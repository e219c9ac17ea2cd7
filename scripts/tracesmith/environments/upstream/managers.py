"""Which package manager an upstream Dockerfile takes, and in which version."""

import re
from dataclasses import dataclass

from tracesmith.environments import managers
from tracesmith.environments.upstream.registry import Doubt

MANAGERS = ("npm", "pnpm", "yarn", "bun")
EXACT = re.compile(r"\d+\.\d+\.\d[0-9A-Za-z.+-]*")
# Taken where a Dockerfile leaves the version open, by the major version that it names.
ASSUMED = {
    "pnpm": {"9": "9.15.9", "": "10.28.2"},
    "yarn": {"4": "4.12.0", "": "1.22.22"},
    "bun": {"": "1.3.7"},
}


@dataclass
class Wanted:
    """The package manager of an image, as far as its Dockerfile has been read."""

    name: str = ""
    is_immutable: bool = False
    """Whether `--immutable` was given, which yarn has from 2 on."""

    def __post_init__(self) -> None:
        """Start without any version."""
        self._versions: dict[str, str] = {}

    def note(self, version: str) -> None:
        """Keep the version of the current manager."""
        self._versions[self.name] = version

    def learn(self, words: list[str]) -> bool:
        """Take notice of a command that fetches a manager; tell whether it is one."""
        text = " ".join(words)
        fetched = re.fullmatch(
            r"(?:npm (?:install|i) (?:-g|--global)|corepack prepare) (pnpm|yarn|bun|npm)(?:@(\S+))?( --activate)?", text
        )
        if fetched:
            self._versions[fetched[1]] = fetched[2] or ""
            return True
        chosen = re.fullmatch(r"yarn set version (\S+)", text)
        if chosen:
            self._versions["yarn"] = chosen[1]
        return chosen is not None or text == "corepack enable"

    @property
    def no_scripts(self) -> list[str]:
        """The flags by which an installation runs no lifecycle scripts."""
        version = self._version() if self.name == "yarn" else None  # which of the two it is
        return managers.named(self.name or "npm", version).silent

    def as_profile(self) -> dict[str, str] | None:
        """Return the key of a profile; None for the npm that comes with Node."""
        if self.name in ("", "npm") and not EXACT.fullmatch(self._asked()):
            return None
        return {"name": self.name, "version": self._version()}

    def doubts(self) -> list[Doubt]:
        """Return why the version may be another."""
        asked = self._asked()
        if self.name in ("", "npm") or EXACT.fullmatch(asked):
            return []
        wanted = f"{self.name} {asked}".strip()
        remedy = "package.json (packageManager) or .yarnrc.yml (yarnPath) may name another"
        return [Doubt("manager version", f"{wanted} is no exact version, {self._version()} is assumed; {remedy}")]

    def _asked(self) -> str:
        return self._versions.get(self.name, "")

    def _version(self) -> str:
        asked = self._asked()
        if EXACT.fullmatch(asked):
            return asked
        if self.name == "yarn" and not asked:
            asked = "4" if self.is_immutable else ""
        assumed = ASSUMED[self.name]
        return assumed.get(asked.partition(".")[0], assumed[""])
