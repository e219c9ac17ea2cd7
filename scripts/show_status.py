#!/usr/bin/env python3
"""
Say what exists of a configuration's repositories and runs, how far the rest is, and what it may cost.

    scripts/show_status.py --configfile mine.yaml

It reads the folder it is called from and starts nothing.
"""

import os
from pathlib import Path

from tracesmith import cli, configuration
from tracesmith.reports import status


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="files that go over config.yaml")
    args = cli.arguments(parser)
    for line in status.lines(configuration.read(args.configfile, os.environ), Path()):
        cli.say(line)


if __name__ == "__main__":
    cli.run(main)
