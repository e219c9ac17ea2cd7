"""
From trajectories and verdicts to rows for supervised fine-tuning.

INPUT   the run's trajectory folder, logs/run_evaluation/<run_id>/report.json, the run's dataset
OUTPUT  trajectories_sft/<run_id>.<style>.jsonl, trajectories_sft/<run_id>.{resolved_only,train,validation}.<style>.jsonl,
        exports/<run_id>/<style>/{parquet,sharegpt,preferences}/manifest.json
"""


rule convert_trajectories:
    """Write one row a trajectory, resolved or not."""
    input:
        preds=lambda wildcards: f"{trajectories_of_run(wildcards)}/preds.json",
        report="logs/run_evaluation/{run_id}/report.json",
        dataset=dataset_of_run,
        environment=environment_of_run,
        prompt=lambda wildcards: find_file(models.rows_prompt(run_of(wildcards).settings)),
        tokenizer=tokenizer_of_run,
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
        counting=flags_of_counting,
        secrets=lambda wildcards: [] if run_of(wildcards).settings["sft"]["scrub"] else ["--keep-secrets"],
    shell:
        r"""
        python {input.script:q} {params.trajectories:q} \
            --style {wildcards.style:q} \
            --report {input.report:q} \
            --dataset {input.dataset:q} \
            --environment {input.environment:q} \
            --prompt {input.prompt:q} \
            --run-id {wildcards.run_id:q} \
            {params.counting:q} \
            {params.secrets:q} \
            --output {output.rows:q} \
            &>{log:q}
        """


rule filter_resolved:
    """Keep the rows of resolved instances that the filters let through, of a run or of all runs of a mix."""
    input:
        rows=of_parts("trajectories_sft/{run_id}.{style}.jsonl"),
        report=of_parts("logs/run_evaluation/{run_id}/report.json"),
        dataset=of_parts(dataset_of_run),
        benchmarks=benchmarks_of_run,
        tokenizer=tokenizer_of_run,
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
    params:
        filters=flags_of_filters,
        length=flags_of_length,
    shell:
        r"""
        python {input.script:q} {input.rows:q} \
            --report {input.report:q} \
            --dataset {input.dataset:q} \
            {params.filters:q} \
            {params.length:q} \
            --output {output.rows:q} \
            &>{log:q}
        """


rule split_rows:
    """Hold out a share of the bugs for validation."""
    input:
        rows="trajectories_sft/{run_id}.resolved_only.{style}.jsonl",
        script=f"{SCRIPTS}/split_rows.py",
        library=library("split_rows"),
    output:
        train="trajectories_sft/{run_id}.train.{style}.jsonl",
        train_meta="trajectories_sft/{run_id}.train.{style}.jsonl.meta.json",
        validation="trajectories_sft/{run_id}.validation.{style}.jsonl",
        validation_meta="trajectories_sft/{run_id}.validation.{style}.jsonl.meta.json",
    log:
        "logs/rules/split_rows/{run_id}.{style}.log",
    benchmark:
        "benchmarks-out/split_rows/{run_id}.{style}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        share=run_setting("sft", "validation_share"),
        seed=run_setting("sft", "seed"),
    shell:
        r"""
        python {input.script:q} {input.rows:q} \
            --share {params.share:q} \
            --seed {params.seed:q} \
            --validation {output.validation:q} \
            --output {output.train:q} \
            &>{log:q}
        """


rule export_rows:
    """Write the split rows in the format of another trainer."""
    input:
        train="trajectories_sft/{run_id}.train.{style}.jsonl",
        validation="trajectories_sft/{run_id}.validation.{style}.jsonl",
        rows=rows_of_export,
        script=f"{SCRIPTS}/export_rows.py",
        library=library("export_rows"),
    output:
        manifest="exports/{run_id}/{style}/{export}/manifest.json",
    log:
        "logs/rules/export_rows/{run_id}.{style}.{export}.log",
    benchmark:
        "benchmarks-out/export_rows/{run_id}.{style}.{export}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        rows=lambda wildcards, input: ["--rows", *input.rows] if input.rows else [],
    shell:
        r"""
        python {input.script:q} \
            --format {wildcards.export:q} \
            --name {wildcards.run_id:q} \
            --train {input.train:q} \
            --validation {input.validation:q} \
            {params.rows:q} \
            --output {output.manifest:q} \
            &>{log:q}
        """
