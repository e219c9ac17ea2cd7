#!/usr/bin/env python3
"""
Say whether all is there that a configuration needs, one line a check, with the remedy where something is missing.

    scripts/doctor.py --configfile mine.yaml --run htmlparser2-check

Exit code 0 when nothing is missing, warnings or not; 1 when something is; 2 for a configuration that is wrong.
"""

import logging
import os
from pathlib import Path

from tracesmith import cli, configuration
from tracesmith.preflight import checks
from tracesmith.preflight.plan import Plan, models_of_runs, steps_of
from tracesmith.training import readiness


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="files that go over config.yaml")
    parser.add_argument("--run", action="append", help="a run_id of it; without, all its runs and repositories")
    parser.add_argument("--backend", choices=["auto", "docker", "bubblewrap"], help="instead of those it names")
    parser.add_argument(
        "--train", action="store_true", help="the runs are to be trained, whatever the configuration says"
    )
    parser.add_argument("--model", action="append", default=[], help="a model you mean to use, such as anthropic/NAME")
    args = cli.arguments(parser)
    cli.start_logging(logging.WARNING)
    read = configuration.read(args.configfile, os.environ)
    steps = steps_of(read, args.run)
    asked = [*args.model, *models_of_runs(read, args.run)]
    trained = (args.run or read.runs) if args.train else readiness.trained(read, args.run)
    plan = Plan(read, steps, os.environ, args.backend, asked, deep=True)
    found = checks.examine(plan, readiness.look(read, trained))
    for finding in found:
        cli.say(str(finding))
    checks.refuse(found)


if __name__ == "__main__":
    cli.run(main)
