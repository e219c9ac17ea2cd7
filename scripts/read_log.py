#!/usr/bin/env python3
"""
Write the state of each test that the console log of a test runner names, for logs made elsewhere.

    scripts/read_log.py test_output.txt --runner vitest --output states.json

docs/logs.md says what the log of each runner tells and what it does not.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.logs import READERS, states


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("log", metavar="LOG", type=Path, help="what the runner printed, with or without colours")
    parser.add_argument("--runner", choices=sorted(READERS), required=True)
    parser.add_argument("--output", type=cli.output_file, required=True, help="JSON object: state by test")
    args = cli.arguments(parser)
    cli.start_logging()
    states.write(args.log, args.runner, args.output)


if __name__ == "__main__":
    cli.run(main)
