#!/usr/bin/env python3
"""
Keep the SFT lines of resolved instances, and of these what the filters let through.

    scripts/filter_resolved.py trajectories_sft/RUN.xml.jsonl \\
        --report logs/run_evaluation/RUN/report.json \\
        --output trajectories_sft/RUN.resolved_only.xml.jsonl

Several files, with a report each, become one. Without further flags only the verdict counts. OUTPUT.meta.json counts
what each filter left out.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.sft import filtering, filters, lengths, tokens


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("lines", metavar="LINES", nargs="+", type=Path, help="SFT lines, one JSON object a line")
    parser.add_argument("--report", type=Path, nargs="+", required=True, help="report of the evaluation of each")
    parser.add_argument("--output", type=cli.output_file, required=True)
    parser.add_argument("--keep-unresolved", action="store_true", help="let the other filters decide alone")
    parser.add_argument("--benchmarks", type=Path, help="leave out the repositories of this list")
    parser.add_argument("--no-flagged", action="store_true", help="leave out rows with an integrity flag")
    parser.add_argument("--no-similar-instances", action="store_true", help="of like bugs keep one; needs --dataset")
    parser.add_argument("--similar", type=cli.share, help="leave out trajectories with this share of common actions")
    parser.add_argument("--per-instance", type=cli.positive_int, help="rows of one instance, at most")
    parser.add_argument("--mask-errors", action="store_true", help="list turns that ended in an error as masked")
    parser.add_argument("--dataset", type=Path, nargs="+", default=[], help="_final.json of each run")
    parser.add_argument("--max-seq-len", type=cli.positive_int, help="tokens of a row, at most; needs --tokenizer")
    parser.add_argument("--over-length", choices=lengths.POLICIES, default="drop", help="what happens to longer rows")
    parser.add_argument("--tokenizer", type=Path, help="folder with the trainer's tokenizer.json")
    parser.add_argument("--template", choices=tokens.NAMES, default="auto")
    args = cli.arguments(parser)
    if (args.max_seq_len is None) != (args.tokenizer is None):
        parser.error("--max-seq-len and --tokenizer belong together")
    cli.start_logging()
    chosen = filters.Filters(
        resolved=not args.keep_unresolved,
        benchmarks=args.benchmarks,
        flags=args.no_flagged,
        instances=args.no_similar_instances,
        trajectories=args.similar,
        per_instance=args.per_instance,
        mask_errors=args.mask_errors,
    )
    limit = args.tokenizer and lengths.Limit(args.max_seq_len, args.tokenizer, args.template, args.over_length)
    filtering.filter_resolved(args.lines, args.report, args.output, filtering.Wanted(chosen, limit, args.dataset))


if __name__ == "__main__":
    cli.run(main)
