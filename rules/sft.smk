"""
From trajectories and verdicts to rows for supervised fine-tuning.

INPUT   the run's trajectory folder, logs/run_evaluation/<run_id>/report.json
OUTPUT  trajectories_sft/<run_id>.<style>.jsonl, trajectories_sft/<run_id>.resolved_only.<style>.jsonl
"""


rule convert_trajectories:
    """Write one row a trajectory, resolved or not."""
    input:
        preds=lambda wildcards: f"{trajectories_of_run(wildcards)}/preds.json",
        report="logs/run_evaluation/{run_id}/report.json",
        prompt=lambda wildcards: find_file(models.rows_prompt(run_of(wildcards).settings)),
        script=f"{SCRIPTS}/convert_trajectories.py",
        library=library("convert_trajectories"),
    output:
        rows="trajectories_sft/{run_id}.{style}.jsonl",
        meta="trajectories_sft/{run_id}.{style}.jsonl.meta.json",
    log:
        "logs/rules/convert_trajectories/{run_id}.{style}.log",
    benchmark:
        "benchmarks-out/convert_trajectories/{run_id}.{style}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        trajectories=trajectories_of_run,
    shell:
        r"""
        python {input.script:q} {params.trajectories:q} \
            --style {wildcards.style:q} \
            --report {input.report:q} \
            --prompt {input.prompt:q} \
            --run-id {wildcards.run_id:q} \
            --output {output.rows:q} \
            &>{log:q}
        """


rule filter_resolved:
    """Keep the rows of resolved instances."""
    input:
        rows="trajectories_sft/{run_id}.{style}.jsonl",
        report="logs/run_evaluation/{run_id}/report.json",
        script=f"{SCRIPTS}/filter_resolved.py",
        library=library("filter_resolved"),
    output:
        rows="trajectories_sft/{run_id}.resolved_only.{style}.jsonl",
        meta="trajectories_sft/{run_id}.resolved_only.{style}.jsonl.meta.json",
    log:
        "logs/rules/filter_resolved/{run_id}.{style}.log",
    benchmark:
        "benchmarks-out/filter_resolved/{run_id}.{style}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    shell:
        r"""
        python {input.script:q} {input.rows:q} \
            --report {input.report:q} \
            --output {output.rows:q} \
            &>{log:q}
        """
