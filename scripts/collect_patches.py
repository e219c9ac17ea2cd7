#!/usr/bin/env python3
"""
Collect the bug candidates of a repository, of one method or several, in one JSON list.

    scripts/collect_patches.py logs/bug_gen/npm__css-what.v8.0.0/procedural.json \\
        --repo npm__css-what.v8.0.0 \\
        --output logs/bug_gen/npm__css-what.v8.0.0_all_patches.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.bugs import collection


def main() -> None:
    """Read the flags and collect the candidates."""
    parser = cli.parser(__doc__)
    parser.add_argument("summaries", type=Path, nargs="+", help="summaries of generate_bugs, in the order wanted")
    parser.add_argument("--repo", required=True, help="repo_name that the candidates belong to")
    parser.add_argument("--output", type=cli.output_file, required=True, help="the list; its sidecar stands beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    collection.collect(args.summaries, args.repo, args.output)


if __name__ == "__main__":
    cli.run(main)
