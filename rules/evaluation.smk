"""
From predictions to verdicts.

INPUT   trajectories/<user>/<run_id>/preds.json
OUTPUT  logs/run_evaluation/<run_id>/report.json; beside it a folder an instance
"""


rule evaluate_predictions:
    """Grade each prediction by the pristine tests, on a fresh tree."""
    input:
        preds=predictions_of_run,
        dataset=dataset_of_run,
        environment=environment_of_run,
        shards=shards_of(run_setting("evaluation", "shards"), "evaluate_predictions/{run_id}"),
        script=ancient(f"{SCRIPTS}/evaluate_predictions.py"),
    output:
        report="logs/run_evaluation/{run_id}/report.json",
        meta="logs/run_evaluation/{run_id}/report.json.meta.json",
    log:
        "logs/rules/evaluate_predictions/{run_id}.log",
    benchmark:
        "benchmarks-out/evaluate_predictions/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: of_stage(run_setting("evaluation", "shards"), run_setting("evaluation", "workers"))
    resources:
        docker=sandboxes,
        mem_mb=1000,
        runtime=of_stage(run_setting("evaluation", "shards"), 720, merging=60),
    params:
        timeout=run_setting("evaluation", "timeout_s"),
        again=option(
            "--no-second-opinion", lambda wildcards: not run_setting("evaluation", "second_opinion")(wildcards)
        ),
        shard=option("--shard", shard_of),
        report="logs/run_evaluation/{run_id}/report.json",
    shell:
        r"""
        python {input.script:q} {input.preds:q} \
            --dataset {input.dataset:q} \
            --environment {input.environment:q} \
            --timeout {params.timeout:q} \
            {params.again:q} \
            --workers {resources.docker} \
            {params.shard:q} \
            --output {params.report:q} \
            &>{log:q}
        """
