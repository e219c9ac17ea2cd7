#!/usr/bin/env python3
"""
Have a language model write bugs into the functions of a repository, and keep those that hold as patches.

    scripts/write_bugs.py logs/build_images/REPO/environment.json --method llm_modify \\
        --prompt configs/bug_gen/ts_modify.yml --profile configs/repos/css-what.yaml \\
        --model anthropic/claude-sonnet-4-5 --max-bugs 50 --output logs/bug_gen/REPO/llm_modify.json

The candidates and the refused answers stand in folders beside the output, which lists them. See docs/bugs.md.
"""

from pathlib import Path

from tracesmith import cli, prepared
from tracesmith.bugs import screening
from tracesmith.bugs.asking import methods, writing
from tracesmith.environments import profiles
from tracesmith.llm import flags
from tracesmith.llm.client import Client
from tracesmith.pool import Share


def main() -> None:
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("environment", type=Path, help="environment.json of the repository")
    add("--method", choices=sorted(methods.METHODS), required=True)
    add("--prompt", type=Path, required=True, help="YAML file in SWE-smith's format")
    add("--profile", type=Path, required=True, help="profile that says which files to break")
    add("--max-bugs", type=cli.positive_int, help="bugs at most; default: every function is asked for")
    add("--n-bugs", type=cli.positive_int, default=1, help="answers a function (default: %(default)s)")
    add("--max-entities", type=cli.positive_int, help="functions at most; default: all")
    add("--seed", type=int, default=24, help="chooses the functions (default: %(default)s)")
    add("--screens", nargs="*", choices=screening.SCREENS, default=screening.SCREENS)
    add("--allow-empty", action="store_true", help="write the summary though no answer is a bug")
    add("--shard", type=cli.shard, help="I/N: only ask shard I of N of the calls that are made in any case; no summary")
    add("--output", type=cli.output_file, required=True, help="the summary; candidates are written beside it")
    flags.add(parser)
    args = cli.arguments(parser)
    cli.start_logging()
    profile = profiles.read(args.profile)
    settings = writing.WritingSettings(
        method=args.method,
        prompt=args.prompt,
        source_globs=profile.source_globs,
        exclude_globs=profile.not_source_globs(),
        max_bugs=args.max_bugs,
        n_bugs=args.n_bugs,
        max_entities=args.max_entities,
        seed=args.seed,
        screens=args.screens,
    )
    own = methods.METHODS[args.method].read(args.prompt).values.get("model")
    client = Client(flags.settings(args, writing.stage_of(prepared.read(args.environment).repo), own))
    writing.write(args.environment, settings, client, args.output, Share(args.calls, args.shard), args.allow_empty)


if __name__ == "__main__":
    cli.run(main)
