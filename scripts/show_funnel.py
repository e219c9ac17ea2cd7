#!/usr/bin/env python3
"""
Print where the results of a run are, and its funnel with the reason of every drop.

    scripts/show_funnel.py reports/RUN.json

Paths are those report_run.py was given: call it from the same folder.
"""

import sys
from pathlib import Path

from tracesmith import cli
from tracesmith.reports import funnels


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("summary", metavar="SUMMARY", type=Path, help="summary of report_run.py")
    args = cli.arguments(parser)
    sys.stdout.write(funnels.show(args.summary))


if __name__ == "__main__":
    cli.run(main)
