"""
tracesmith: from a TypeScript repository to the training data of a software-engineering agent.

    snakemake --cores 20 trajectories_sft/RUN.resolved_only.xml.jsonl

Without a target: the resolved rows and the report of every run of the configuration, and of its repositories.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.source_path("config.yaml")


include: "rules/common.smk"
include: "rules/common_bugs.smk"
include: "rules/common_agents.smk"
include: "rules/common_rows.smk"


# Small, or in need of a network that nodes may lack: on a cluster they stay where Snakemake runs.
localrules:
    assemble_dataset,
    collect_patches,
    evaluate_model,
    filter_resolved,
    gather_instances,
    hold_out_instances,
    push_mirror,
    render_agent_config,
    report_repo,
    report_run,
    split_rows,


rule all:
    input:
        rows=expand_runs("trajectories_sft/{run_id}.resolved_only.{style}.jsonl"),
        mixes=expand_mixes("trajectories_sft/{run_id}.resolved_only.{style}.jsonl"),
        reports=expand_runs("reports/{run_id}.html"),
        repos=expand_repos("reports/repos/{repo}.html"),
        mirrors=pushed_mirrors(),
        images=pushed_images(),
        published=published_files(),


include: "rules/environment.smk"
include: "rules/bugs.smk"
include: "rules/mirrors.smk"
include: "rules/issues.smk"
include: "rules/trajectories.smk"
include: "rules/evaluation.smk"
include: "rules/sft.smk"
include: "rules/training.smk"
include: "rules/model_evaluation.smk"
include: "rules/shards.smk"
include: "rules/report.smk"
include: "rules/preflight.smk"
include: "rules/terminal.smk"


if CONFIGURATION.storage["s3"]:

    include: "rules/publishing.smk"


onstart:
    if not workflow.touch:
        check_before_start()
        show_progress()


onsuccess:
    TERMINAL.end()
    show_results()
    bound_logs()


onerror:
    TERMINAL.end()
    bound_logs()
