#!/usr/bin/env python3
"""
Report a repository: what became of each bug that was made for it, as a page and as JSON.

    scripts/report_repo.py \\
        --environment logs/build_images/REPO/environment.json \\
        --bugs logs/bug_gen/REPO/procedural.json \\
        --candidates logs/bug_gen/REPO_all_patches.json \\
        --screening logs/bug_gen/REPO_screened_patches.json.meta.json \\
        --validation logs/run_validation/REPO/report.json \\
        --confirmation logs/run_validation/REPO/confirmation.json \\
        --dataset logs/agent_datasets/REPO_final.json \\
        --output reports/repos/REPO.html --summary reports/repos/REPO.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.reports import repo_report
from tracesmith.reports.repo_report import RepoFiles


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--environment", type=Path, required=True, help="environment.json")
    parser.add_argument(
        "--candidates", type=Path, nargs="+", required=True, help="patches of bugs, and of combined ones"
    )
    parser.add_argument("--validation", type=Path, nargs="+", required=True, help="reports of validate_bugs")
    parser.add_argument("--confirmation", type=Path, required=True, help="summary of confirm_bugs")
    parser.add_argument("--dataset", type=Path, required=True, help="instances with issue texts")
    parser.add_argument("--bugs", type=Path, nargs="*", default=[], help="summaries of what made bugs")
    parser.add_argument("--screening", type=Path, nargs="*", default=[], help="sidecars of screen_bugs")
    parser.add_argument("--output", type=cli.output_file, required=True, help="the page, HTML")
    parser.add_argument("--summary", type=cli.output_file, required=True, help="the summary, JSON")
    args = cli.arguments(parser)
    cli.start_logging()
    given = vars(args)
    outputs = {name: given.pop(name) for name in ("output", "summary")}
    repo_report.report(RepoFiles(**given), outputs["output"], outputs["summary"])


if __name__ == "__main__":
    cli.run(main)
