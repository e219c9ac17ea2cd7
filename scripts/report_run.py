#!/usr/bin/env python3
"""
Report a run: what became of every candidate and instance, as a page and as JSON.

    scripts/report_run.py RUN --dataset logs/agent_datasets/REPO_final.json \\
        --bugs logs/bug_gen/REPO/procedural.json \\
        --validation logs/run_validation/REPO/report.json \\
        --confirmation logs/run_validation/REPO/confirmation.json \\
        --environment logs/build_images/REPO/environment.json \\
        --predictions trajectories/local/RUN/preds.json \\
        --evaluation logs/run_evaluation/RUN/report.json \\
        --rows trajectories_sft/RUN.xml.jsonl \\
        --resolved trajectories_sft/RUN.resolved_only.xml.jsonl \\
        --ledger logs/llm/ledger.jsonl --benchmarks benchmarks-out \\
        --repository reports/repos/REPO.html --figures reports/figures/RUN \\
        --output reports/RUN.html --summary reports/RUN.json

Leave out --bugs, --validation, --confirmation and --environment when the run enters with a dataset of yours, and
--resolved when nothing was resolved. The ledger and the benchmarks may be missing: what they would say is left out.
Paths are printed as they are given. `show_funnel.py` prints the summary.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.reports import run_report
from tracesmith.reports.run_files import RunFiles


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("run_id", metavar="RUN_ID")
    parser.add_argument("--dataset", type=Path, required=True, help="instances that the agent was run on")
    parser.add_argument("--predictions", type=Path, required=True, help="preds.json")
    parser.add_argument("--evaluation", type=Path, required=True, help="report of the evaluation")
    parser.add_argument("--rows", type=Path, required=True, help="SFT rows, and FILE.meta.json beside them")
    parser.add_argument("--resolved", type=Path, help="SFT rows of the resolved instances")
    parser.add_argument("--bugs", type=Path, nargs="*", default=[], help="summaries of what made bugs")
    parser.add_argument("--screening", type=Path, nargs="*", default=[], help="sidecars of screen_bugs")
    parser.add_argument("--validation", type=Path, nargs="*", default=[], help="reports of validate_bugs")
    parser.add_argument("--confirmation", type=Path, help="summary of confirm_bugs")
    parser.add_argument("--environment", type=Path, help="environment.json")
    parser.add_argument("--curves", type=Path, help="curves.json of the training")
    parser.add_argument("--model-evaluation", type=Path, help="report of evaluate_model")
    parser.add_argument("--ledger", type=Path, help="ledger of the models' calls")
    parser.add_argument("--benchmarks", type=Path, help="folder of Snakemake's benchmarks")
    parser.add_argument("--repository", type=Path, help="page of report_repo, for links")
    parser.add_argument("--figures", type=Path, help="folder for the figures, SVG")
    parser.add_argument("--output", type=cli.output_file, required=True, help="the page, HTML")
    parser.add_argument("--summary", type=cli.output_file, required=True, help="the summary, JSON")
    args = cli.arguments(parser)
    cli.start_logging()
    given = vars(args)
    outputs = [given.pop(name) for name in ("output", "summary", "figures")]
    run_report.report(given.pop("run_id"), RunFiles(**given), *outputs)


if __name__ == "__main__":
    cli.run(main)
