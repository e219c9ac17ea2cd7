"""
Before the first job of a real run: is there what the planned steps need?

INPUT   the steps that are to be done, the configuration, the environment's variables
OUTPUT  nothing, or an end before any work; `make doctor` makes the same checks, and some that take longer
"""

from pathlib import Path

from tracesmith.errors import InfrastructureError
from tracesmith.preflight import checks, clocks, concurrency
from tracesmith.preflight.plan import OK, Plan, models_of_runs
from tracesmith.training import readiness


def planned_steps(jobs):
    """The steps that are to be done now, each with its repositories."""
    steps = {}
    for job in jobs:
        is_mix = getattr(job.wildcards, "run_id", None) in CONFIGURATION.mixes
        if (hasattr(job.wildcards, "run_id") or hasattr(job.wildcards, "repo")) and not is_mix:
            steps.setdefault(job.rule.name, []).append(repo_of(job.wildcards))
    return steps


def hold_files(jobs):
    """Keep other runs from what this one makes and reads, until it ends."""
    made = {str(name) for job in jobs for name in job.output}
    read = {str(name) for job in jobs for name in job.input} - made
    workflow.held = or_refuse(concurrency.hold, Path(".snakemake/tracesmith.lock"), made, read)


def check_before_start():
    """Show what is missing or doubtful, and end the run when it would miss something on this machine."""
    jobs = list(workflow.dag.needrun_jobs())
    hold_files(jobs)
    if any(job.rule.name == "publish_file" for job in jobs):
        or_refuse(publishing.keep_bucket, CONFIGURATION.storage)
    read = [Path(name) for job in jobs for name in job.input]
    for path in or_refuse(clocks.bring_back, read):
        print(
            f"WARNING  {path} was dated in the future and has the present time now: was the clock set?", file=sys.stderr
        )
    agents = [job.wildcards.run_id for job in jobs if job.rule.name == "run_agent"]
    asked = models_of_runs(CONFIGURATION, agents)
    trained = [job.wildcards.run_id for job in jobs if job.rule.name == "finetune"]
    plan = Plan(CONFIGURATION, planned_steps(jobs), os.environ, models=asked)
    found = checks.examine(plan, readiness.look(CONFIGURATION, trained))
    for finding in found:
        if finding.status != OK:
            print(finding, file=sys.stderr)
    if workflow.local_exec:
        try:
            checks.refuse(found)
        except InfrastructureError as error:
            refuse(error)
