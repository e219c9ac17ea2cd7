"""
What a run says beside Snakemake: how far its jobs are, on a terminal, and what it came to, when all went well.

INPUT   the jobs of the run, their logs, the files they made
OUTPUT  lines and a table on stderr; Snakemake's logs of earlier runs, compressed, and the old ones removed
"""

import time

from tracesmith import packing, watching
from tracesmith.errors import TracesmithError
from tracesmith.reports import status

CLOSING = ("run_agent", "evaluate_predictions", "convert_trajectories", "filter_resolved", "report_run")
TERMINAL = watching.Terminal()


def show_progress():
    """Show on a terminal how far the jobs are, until the run ends."""
    TERMINAL.begin(log for job in workflow.dag.needrun_jobs() for log in job.log)


def bound_logs():
    """Keep Snakemake's logs of earlier runs small, unless another run is alive that may write one of them."""
    held = getattr(workflow, "held", None)
    if held is None or not concurrency.is_alone(held):
        return
    try:
        packing.bound(Path(".snakemake/log"), time.time())
    except (OSError, TracesmithError) as error:  # a full disk, say: the run has ended, and its results are there
        print(f"WARNING: old logs of Snakemake stay as they are: {error}", file=sys.stderr)


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
