#!/usr/bin/env python3
"""
Rebuild preds.json from the .pred files of a trajectory folder, as `sweagent merge-preds` does.

    scripts/merge_preds.py trajectories/USER/RUN --output trajectories/USER/RUN/preds.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.agents import predictions


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("trajectories", type=Path, help="folder with a folder an instance")
    parser.add_argument("--output", type=cli.output_file, required=True, help="preds.json")
    args = cli.arguments(parser)
    cli.start_logging()
    predictions.merge(args.trajectories, args.output)


if __name__ == "__main__":
    cli.run(main)
