#!/usr/bin/env python3
"""
Combine valid bugs of one file, or of several files of one module, to bugs that are harder to find.

    scripts/combine_bugs.py logs/bug_gen/REPO_all_patches.json \\
        --report logs/run_validation/REPO/report.json --source logs/build_images/REPO/source/tree \\
        --strategies combine_file combine_module --bugs 2 --max-bugs 50 \\
        --output logs/bug_gen/REPO_combined_patches.json

validate_bugs takes the output like any other list, with --allow-empty: there may be no bugs that go together.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.bugs import combining


def main() -> None:
    """Read the flags and combine the bugs."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add("patches", type=Path, help="bug candidates, a JSON list")
    add("--report", type=Path, required=True, help="report of validate_bugs on them")
    add("--source", type=Path, required=True, help="folder with the pristine source tree")
    add("--strategies", nargs="+", choices=combining.STRATEGIES, default=combining.STRATEGIES)
    add("--bugs", type=cli.positive_int, default=2, help="bugs that make one (default: %(default)s)")
    add("--depth", type=cli.positive_int, default=2, help="folders that name a module (default: %(default)s)")
    add("--max-bugs", type=cli.positive_int, default=50, help="at most, of each strategy (default: %(default)s)")
    add("--per-place", type=cli.positive_int, default=10, help="at most, of a file or module (default: %(default)s)")
    add("--seed", type=int, default=24, help="chooses the combinations (default: %(default)s)")
    add("--output", type=cli.output_file, required=True, help="the list; its sidecar stands beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    settings = combining.CombiningSettings(
        args.strategies, args.bugs, args.depth, args.max_bugs, args.per_place, args.seed
    )
    combining.combine(args.patches, args.report, args.source, settings, args.output)


if __name__ == "__main__":
    cli.run(main)
