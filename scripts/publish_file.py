#!/usr/bin/env python3
"""
Copy a final file to where Snakemake takes it to the store, and write a receipt.

    scripts/publish_file.py reports/RUN.html \\
        --url s3://BUCKET/reports/RUN.html \\
        --copy .snakemake/storage/s3/BUCKET/reports/RUN.html \\
        --output logs/published/reports/RUN.html.json
"""

from pathlib import Path

from tracesmith import cli, publishing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--url", required=True, help="what the copy is called in the store")
    parser.add_argument("--copy", type=cli.output_file, required=True)
    parser.add_argument("--output", type=cli.output_file, required=True, help="receipt: url, bytes and SHA-256")
    args = cli.arguments(parser)
    cli.start_logging()
    publishing.copy(args.file, args.url, args.copy, args.output)


if __name__ == "__main__":
    cli.run(main)
