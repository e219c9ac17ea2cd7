#!/usr/bin/env python3
"""
Gather the confirmed bugs as task instances, and write a branch for each into the local mirror.

    scripts/gather_instances.py logs/bug_gen/REPO_all_patches.json \\
        --report logs/run_validation/REPO/report.json \\
        --confirmation logs/run_validation/REPO/confirmation.json \\
        --environment logs/build_images/REPO/environment.json \\
        --output logs/task_insts/REPO.json

Several lists are gathered with a report each, in the same order: REPO_all_patches.json REPO_combined_patches.json
with --report report.json combined_report.json.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.validation import gathering


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("patches", type=Path, nargs="+", help="bug candidates, a JSON list; or several")
    parser.add_argument(
        "--report", type=Path, nargs="+", required=True, help="report of validate_bugs, with its store beside it"
    )
    parser.add_argument(
        "--confirmation",
        type=Path,
        required=True,
        help="summary of confirm_bugs on these lists, with its store beside it",
    )
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    gathering.gather(args.patches, args.report, args.confirmation, args.environment, args.output)


if __name__ == "__main__":
    cli.run(main)
