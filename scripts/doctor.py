#!/usr/bin/env python3
"""
Say whether a sandbox can be made here, and how to mend it where not.

    scripts/doctor.py --backend bubblewrap
"""

import logging

from tracesmith import cli
from tracesmith.environments import probing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--backend", choices=["auto", "docker", "bubblewrap"], default="auto")
    args = cli.arguments(parser)
    cli.start_logging(logging.WARNING)
    cli.say(probing.describe(args.backend))


if __name__ == "__main__":
    cli.run(main)
