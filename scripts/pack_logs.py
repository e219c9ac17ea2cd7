#!/usr/bin/env python3
"""
Compress the outputs of suites that finished repositories and runs left, in their places; nothing is run again for it.

    scripts/pack_logs.py logs/run_validation/REPO logs/build_images/REPO logs/run_evaluation/RUN

`test_output.txt` becomes `test_output.txt.gz`, which all steps read as well; `zcat` shows it, and `--unpack` puts
it back for the tools of others. What another process works on is left as it is.
"""

from pathlib import Path

from tracesmith import cli, packing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "folders", metavar="FOLDER", nargs="+", type=Path, help="stores, or folders with stores in them"
    )
    parser.add_argument(
        "--over", metavar="SIZE", type=cli.size, default="4k", help="what is no larger stays (default: %(default)s)"
    )
    parser.add_argument("--unpack", action="store_true", help="put back what was compressed")
    args = cli.arguments(parser)
    cli.start_logging()
    packing.unpack(args.folders) if args.unpack else packing.pack(args.folders, args.over)


if __name__ == "__main__":
    cli.run(main)
