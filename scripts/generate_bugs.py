#!/usr/bin/env python3
"""
Break the functions of a TypeScript source tree, one edit a candidate, and write each edit as a patch.

    scripts/generate_bugs.py SOURCE_FOLDER --repo npm__css-what.v8.0.0 \\
        --profile configs/repos/css-what.yaml \\
        --max-bugs 200 --seed 24 --output logs/bug_gen/npm__css-what.v8.0.0/procedural.json

The candidates stand in folders beside the output, which lists them. docs/operators.md says what the edits are.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.bugs import generation
from tracesmith.environments import profiles


def main() -> None:
    """Read the flags and make the candidates."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("source", type=Path, help="folder with the pristine source tree")
    add("--repo", required=True, help="repo_name, the first part of each instance id")
    add("--profile", type=Path, help="profile that says which files to break; default: all")
    add("--max-bugs", type=cli.positive_int, help="candidates at most; default: all")
    add("--per-operator", type=cli.positive_int, help="candidates of one operator at most; default: all")
    add("--seed", type=int, default=24, help="chooses among the candidates; default: 24")
    add("--no-interleave", dest="interleave", action="store_false", help="operators one by one, not in turns")
    add("--max-entities", type=cli.positive_int, help="functions and initialisers at most; default: all")
    add("--max-candidates", type=cli.positive_int, help="choose among so many at most (bounds memory); default: all")
    add("--timeout", type=cli.positive_number, help="seconds after which no other file is begun; default: none")
    add("--output", type=cli.output_file, required=True, help="the summary; candidates are written beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    profile = profiles.read(args.profile) if args.profile else None
    settings = generation.BugSettings(
        source_globs=profile.source_globs if profile else ["**"],
        exclude_globs=profile.not_source_globs() if profile else [],
        max_bugs=args.max_bugs,
        per_operator=args.per_operator,
        seed=args.seed,
        interleave=args.interleave,
        max_entities=args.max_entities,
        max_candidates=args.max_candidates,
        timeout_s=args.timeout,
    )
    generation.generate(args.source, args.repo, settings, args.output)


if __name__ == "__main__":
    cli.run(main)
