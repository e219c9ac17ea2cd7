#!/usr/bin/env python3
"""
Write the table of the operators that make procedural bugs: what each does, when, and an example.

    scripts/list_operators.py --output docs/operators.md
"""

from tracesmith import cli
from tracesmith.bugs.operators import table


def main() -> None:
    """Read the flag and write the table."""
    parser = cli.parser(__doc__)
    parser.add_argument("--output", type=cli.output_file, required=True, help="the Markdown file to write")
    args = cli.arguments(parser)
    cli.start_logging()
    table.write(args.output)


if __name__ == "__main__":
    cli.run(main)
