#!/usr/bin/env python3
"""
Look through every instance's workspace for the fixed code, and say which instances an agent must not see.

    scripts/check_workspaces.py logs/agent_datasets/REPO_final.json \\
        --environment logs/build_images/REPO/environment.json \\
        --output logs/workspaces/REPO.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.proving import checking


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("dataset", type=Path, help="dataset, a JSON list (or JSONL)")
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument("--workers", type=cli.positive_int, default=2, help="sandboxes at once (default: %(default)s)")
    parser.add_argument("--output", type=cli.output_file, required=True, help="what was found, as JSON")
    args = cli.arguments(parser)
    cli.start_logging()
    checking.run(args.dataset, args.environment, args.output, args.workers)


if __name__ == "__main__":
    cli.run(main)
