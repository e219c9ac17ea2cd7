#!/usr/bin/env python3
"""
Break the functions of a TypeScript source tree, one edit a candidate, and write each edit as a patch.

    scripts/generate_bugs.py SOURCE_FOLDER --repo npm__css-what.v8.0.0 \\
        --profile configs/repos/css-what.yaml \\
        --max-bugs 200 --seed 24 --output logs/bug_gen/npm__css-what.v8.0.0/procedural.json

The candidates stand in folders beside the output, which lists them.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.bugs import generation
from tracesmith.environments import profiles


def main() -> None:
    """Read the flags and make the candidates."""
    parser = cli.parser(__doc__)
    parser.add_argument("source", type=Path, help="folder with the pristine source tree")
    parser.add_argument("--repo", required=True, help="repo_name, the first part of each instance id")
    parser.add_argument("--profile", type=Path, help="profile that says which files to break; default: all")
    parser.add_argument("--max-bugs", type=cli.positive_int, help="candidates at most; default: all")
    parser.add_argument(
        "--per-operator", type=cli.positive_int, help="candidates of one operator at most; default: all"
    )
    parser.add_argument("--seed", type=int, default=24, help="chooses among the candidates; default: 24")
    parser.add_argument(
        "--output", type=cli.output_file, required=True, help="the summary; candidates are written beside it"
    )
    args = cli.arguments(parser)
    cli.start_logging()
    profile = profiles.read(args.profile) if args.profile else None
    settings = generation.BugSettings(
        source_globs=profile.source_globs if profile else ["**"],
        exclude_globs=profile.not_source_globs() if profile else [],
        max_bugs=args.max_bugs,
        per_operator=args.per_operator,
        seed=args.seed,
    )
    generation.generate(args.source, args.repo, settings, args.output)


if __name__ == "__main__":
    cli.run(main)
