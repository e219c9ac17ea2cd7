#!/usr/bin/env python3
"""
Put the picture of the rules into the README, at the place that holds one; `make reference` calls it.

    scripts/draw_rules.py build/rules.mermaid --output README.md

The graph is what `snakemake --rulegraph mermaid-js` writes.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.documentation import pictures


def main() -> None:
    """Read the flags and write the picture."""
    parser = cli.parser(__doc__)
    parser.add_argument("graph", type=Path, help="Snakemake's graph of the rules")
    parser.add_argument("--output", type=cli.output_file, required=True, help="the Markdown file with its place")
    args = cli.arguments(parser)
    cli.start_logging()
    pictures.draw(args.graph, args.output)


if __name__ == "__main__":
    cli.run(main)
