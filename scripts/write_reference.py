#!/usr/bin/env python3
"""
Write the reference of the configuration, the rules and the scripts, from the sources; `make reference` calls it.

    scripts/write_reference.py --output docs/reference
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.documentation import writing


def main() -> None:
    """Read the flag and write the pages."""
    parser = cli.parser(__doc__)
    parser.add_argument("--output", type=Path, required=True, help="the folder of the pages")
    args = cli.arguments(parser)
    cli.start_logging()
    writing.write(args.output)


if __name__ == "__main__":
    cli.run(main)
