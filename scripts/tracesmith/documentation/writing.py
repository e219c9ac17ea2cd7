"""Write the pages of the reference from this checkout."""

import logging
from pathlib import Path

from tracesmith import files, schemas
from tracesmith.documentation import commands, configuration, rules

ROOT = Path(__file__).resolve().parents[3]
logger = logging.getLogger(__name__)


def pages() -> dict[str, str]:
    """Return the pages by their file names."""
    return {
        "configuration.md": configuration.page(schemas.read_yaml(ROOT / "config.yaml")),
        "rules.md": rules.page(ROOT / name for name in rules.included((ROOT / "Snakefile").read_text())),
        "scripts.md": commands.page(sorted((ROOT / "scripts").glob("*.py"))),
    }


def write(folder: Path) -> None:
    """Write the pages into a folder."""
    made = pages()
    for name, text in made.items():
        files.write_bytes(folder / name, text.encode())
    logger.info("%s: %d pages", folder, len(made))
