"""
What a run says beside Snakemake: how far its jobs are, on a terminal, and what it came to, when all went well.

INPUT   the jobs of the run, their logs, the files they made
OUTPUT  lines and a table on stderr
"""

from tracesmith import watching
from tracesmith.reports import status

CLOSING = ("run_agent", "evaluate_predictions", "convert_trajectories", "filter_resolved", "report_run")
TERMINAL = watching.Terminal()


def show_progress():
    """Show on a terminal how far the jobs are, until the run ends."""
    TERMINAL.begin(log for job in workflow.dag.needrun_jobs() for log in job.log)


def show_results():
    """Print a table of the runs that steps behind the dataset are of."""
    named = {job.wildcards.run_id for job in workflow.dag.jobs if job.rule.name in CLOSING}
    run_ids = named & set(CONFIGURATION.runs)
    try:
        lines = list(status.results(CONFIGURATION, run_ids, Path())) if run_ids else []
    except InputError as error:  # the run went well all the same
        lines = [f"WARNING: {error}"]
    for line in lines:
        print(line, file=sys.stderr)
