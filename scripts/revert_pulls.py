#!/usr/bin/env python3
"""
Undo pull requests in a TypeScript source tree, one a candidate, and write each as a patch.

    scripts/revert_pulls.py pulls.jsonl --source logs/build_images/REPO/source/tree --repo REPO \\
        --profile configs/repos/css-what.yaml --output logs/bug_gen/REPO/pr.json

The candidates stand in folders beside the output, which lists them, and those dropped with the reason. docs/bugs.md
says what a pull request is.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.bugs import reverting
from tracesmith.environments import profiles


def main() -> None:
    """Read the flags and make the candidates."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("pulls", type=Path, help="pull requests with their diffs: a JSON list, or JSONL")
    add("--source", type=Path, required=True, help="folder with the pristine source tree")
    add("--repo", required=True, help="repo_name, the first part of each instance id")
    add("--profile", type=Path, required=True, help="profile that says which files to break")
    add("--max-bugs", type=cli.positive_int, help="candidates at most; default: all")
    add("--allow-empty", action="store_true", help="write the summary though none can be undone")
    add("--output", type=cli.output_file, required=True, help="the summary; candidates are written beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    profile = profiles.read(args.profile)
    settings = reverting.RevertSettings(profile.source_globs, profile.not_source_globs(), args.max_bugs)
    reverting.revert(args.pulls, args.source, args.repo, settings, args.output, args.allow_empty)


if __name__ == "__main__":
    cli.run(main)
