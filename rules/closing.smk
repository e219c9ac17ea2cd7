"""
After the last job of a run that went well: what its runs came to, in a few lines.

INPUT   the jobs of the run, the files they made
OUTPUT  a table on stderr
"""

from tracesmith.reports import status

CLOSING = ("run_agent", "evaluate_predictions", "convert_trajectories", "filter_resolved", "report_run")


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
