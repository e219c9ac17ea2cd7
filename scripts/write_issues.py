#!/usr/bin/env python3
"""
Write the issue text of each instance without a model (modes static and skip).

    scripts/write_issues.py logs/task_insts/REPO.json --mode static --output logs/issue_gen/REPO__static.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.issues import writing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("instances", type=Path, help="task instances, a JSON list")
    parser.add_argument("--mode", choices=writing.MODES, default="static")
    parser.add_argument("--seed", type=int, default=24, help="chooses among the templates (default: %(default)s)")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    writing.write(args.instances, args.mode, args.seed, args.output)


if __name__ == "__main__":
    cli.run(main)
