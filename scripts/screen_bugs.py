#!/usr/bin/env python3
"""
Leave out bug candidates that give the same JavaScript or do not compile, with the repository's own TypeScript.

    scripts/screen_bugs.py logs/bug_gen/REPO_all_patches.json \\
        --environment logs/build_images/REPO/environment.json --screens javascript types \\
        --output logs/bug_gen/REPO_screened_patches.json

validate_bugs takes the output in the place of all candidates.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.bugs import screening


def main() -> None:
    """Read the flags and screen the candidates."""
    parser = cli.parser(__doc__)
    parser.add_argument("patches", type=Path, help="bug candidates, a JSON list")
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument("--screens", nargs="+", choices=screening.SCREENS, default=screening.SCREENS)
    parser.add_argument("--timeout", type=cli.positive_number, default="14400", help="seconds for all candidates")
    parser.add_argument("--output", type=cli.output_file, required=True, help="the candidates that are left")
    args = cli.arguments(parser)
    cli.start_logging()
    screening.screen(args.patches, args.environment, args.screens, args.timeout, args.output)


if __name__ == "__main__":
    cli.run(main)
