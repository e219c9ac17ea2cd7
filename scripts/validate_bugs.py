#!/usr/bin/env python3
"""
Run the test suite with each bug candidate and keep those that the tests see.

    scripts/validate_bugs.py logs/bug_gen/REPO_all_patches.json \\
        --environment logs/build_images/REPO/environment.json \\
        --output logs/run_validation/REPO/report.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.pool import Share
from tracesmith.selection import coverage
from tracesmith.validation import validating


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("patches", type=Path, help="bug candidates, a JSON list")
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument(
        "--timeout", type=cli.positive_number, default="300", help="seconds of a candidate's run, at most"
    )
    parser.add_argument("--max-instances", type=cli.positive_int, help="stop when this many are valid")
    parser.add_argument(
        "--selection",
        choices=coverage.SELECTIONS,
        default="coverage",
        help="test files that run: those that enter an edit, that load its files, or all (default: %(default)s)",
    )
    parser.add_argument("--workers", type=cli.positive_int, default=2, help="sandboxes at once (default: %(default)s)")
    parser.add_argument("--shard", type=cli.shard, help="I/N: only fill the store for shard I of N; no summary")
    parser.add_argument("--allow-empty", action="store_true", help="write an empty report on an empty list")
    parser.add_argument("--output", type=cli.output_file, required=True, help="report; the store stands beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    settings = validating.ValidationSettings(args.timeout, args.max_instances, args.selection)
    share = Share(args.workers, args.shard)
    validating.validate(args.patches, args.environment, settings, args.output, share, args.allow_empty)


if __name__ == "__main__":
    cli.run(main)
