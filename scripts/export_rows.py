#!/usr/bin/env python3
"""
Write SFT rows in the format of another trainer: parquet, sharegpt or preferences.

    scripts/export_rows.py --format parquet --name RUN \\
        --train trajectories_sft/RUN.train.xml.jsonl \\
        --validation trajectories_sft/RUN.validation.xml.jsonl \\
        --output exports/RUN/xml/parquet/manifest.json

The files stand beside the manifest, which is written last and lists them. `preferences` pairs resolved and unresolved
rows of one instance and needs `--rows`, all rows of the run.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.sft import exports


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--format", choices=list(exports.KINDS), required=True)
    parser.add_argument("--name", required=True, help="of the dataset")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--rows", type=Path, nargs="+", default=[], help="all rows of each run, resolved or not")
    parser.add_argument("--output", type=cli.output_file, required=True, help="the manifest")
    args = cli.arguments(parser)
    if args.output.name != "manifest.json":
        parser.error("--output names the manifest: FOLDER/manifest.json")
    cli.start_logging()
    source = exports.Source(args.name, args.train, args.validation, args.rows)
    exports.export_rows(source, args.format, args.output.parent)


if __name__ == "__main__":
    cli.run(main)
