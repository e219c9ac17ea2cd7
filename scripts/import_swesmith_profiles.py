#!/usr/bin/env python3
"""
Write SWE-smith's registered TypeScript profiles as profiles of ours, doubtful ones marked for review.

    scripts/import_swesmith_profiles.py --python sw/bin/python --output my-profiles --only Redux849c8ce5 trpc/trpc

SWE-smith stands in an environment of its own, which only prints its registry:

    python3 -m venv sw
    sw/bin/pip install docker ghapi python-dotenv unidiff
    sw/bin/pip install --no-deps swesmith==0.0.9 swebench==4.1.0

Each file's head has a line `# REVIEW: ...` for every reason to look at it; import.json beside them lists all, also
those that cannot be profiles of ours.
"""

import sys
from pathlib import Path

from tracesmith import cli
from tracesmith.environments.upstream import importing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="interpreter that has swesmith (default: this one)"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="classes or OWNER/REPO to import (default: all)"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder of the profiles and of import.json")
    args = cli.arguments(parser)
    cli.start_logging()
    cli.say(importing.import_profiles(args.python, args.output, args.only))


if __name__ == "__main__":
    cli.run(main)
