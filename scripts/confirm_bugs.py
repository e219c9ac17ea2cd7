#!/usr/bin/env python3
"""
Run the tests with each valid bug several times, under changing conditions, and try them on wrong fixes.

    scripts/confirm_bugs.py logs/bug_gen/REPO_all_patches.json \\
        --report logs/run_validation/REPO/report.json \\
        --environment logs/build_images/REPO/environment.json \\
        --output logs/run_validation/REPO/confirmation.json

Several lists have a report each, in the same order.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.pool import Share
from tracesmith.selection import coverage
from tracesmith.validation import confirming


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("patches", type=Path, nargs="+", help="bug candidates, a JSON list; or several")
    parser.add_argument(
        "--report", type=Path, nargs="+", required=True, help="report of validate_bugs, with its store beside it"
    )
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument("--runs", type=cli.positive_int, default=2, help="runs of each bug (default: %(default)s)")
    parser.add_argument("--timeout", type=cli.positive_number, default="300", help="seconds of one run, at most")
    parser.add_argument(
        "--decoys", type=cli.count, default=4, help="wrong fixes of each bug that its tests are tried on, at most"
    )
    parser.add_argument(
        "--least-discrimination", type=cli.share, help="share of them to reject, or the bug is dropped (default: none)"
    )
    parser.add_argument("--selection", choices=coverage.SELECTIONS, default="coverage", help="as for validate_bugs")
    parser.add_argument("--workers", type=cli.positive_int, default=2, help="sandboxes at once (default: %(default)s)")
    parser.add_argument("--shard", type=cli.shard, help="I/N: only fill the store for shard I of N; no summary")
    parser.add_argument("--output", type=cli.output_file, required=True, help="summary; the store stands beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    settings = confirming.ConfirmSettings(
        args.runs, args.timeout, args.decoys, args.least_discrimination, args.selection
    )
    share = Share(args.workers, args.shard)
    confirming.confirm(args.patches, args.report, args.environment, settings, args.output, share)


if __name__ == "__main__":
    cli.run(main)
