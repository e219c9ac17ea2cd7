"""
From all summaries of a run to a page that people look at.

INPUT   the run's dataset, predictions, verdicts and rows, the summaries of how the dataset was made, and what a training
        has left by now
OUTPUT  reports/<run_id>.html, reports/<run_id>.json
"""


rule report_run:
    """Write the page of a run: funnel, instances, verdicts."""
    input:
        unpack(making_of_dataset),
        dataset=dataset_of_run,
        preds=predictions_of_run,
        environment=environment_of_run,
        mirror=mirror_of_run,
        evaluation="logs/run_evaluation/{run_id}/report.json",
        rows=lambda wildcards: f"trajectories_sft/{wildcards.run_id}.{run_setting('sft', 'style')(wildcards)}.jsonl",
        resolved=lambda wildcards: (
            f"trajectories_sft/{wildcards.run_id}.resolved_only.{run_setting('sft', 'style')(wildcards)}.jsonl"
        ),
        training=training_of_run,
        script=f"{SCRIPTS}/report_run.py",
        template=[f"{SCRIPTS}/../report/run.html.j2", f"{SCRIPTS}/../report/run.js"],
        library=library("report_run"),
    output:
        page="reports/{run_id}.html",
        summary="reports/{run_id}.json",
    log:
        "logs/rules/report_run/{run_id}.log",
    benchmark:
        "benchmarks-out/report_run/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        making=flags_of_making,
        training=flags_of_training,
    shell:
        r"""
        python {input.script:q} {wildcards.run_id:q} \
            --dataset {input.dataset:q} \
            --predictions {input.preds:q} \
            --evaluation {input.evaluation:q} \
            --rows {input.rows:q} \
            --resolved {input.resolved:q} \
            --environment {input.environment:q} \
            {params.making:q} \
            {params.training:q} \
            --summary {output.summary:q} \
            --output {output.page:q} \
            &>{log:q}
        """
