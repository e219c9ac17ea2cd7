"""
From a checkpoint to what its training was worth: the base model and the trained one, as agents.

INPUT   outputs/<run_id>/manifest.json, the base model, the instances that no training row is of
OUTPUT  logs/model_evaluation/<run_id>/report.json; run_agent and evaluate_predictions run in between, for <run_id>.base
        and <run_id>.tuned
"""


rule hold_out_instances:
    """Keep the instances whose bugs no training row is of."""
    input:
        unpack(held_out_rows),
        dataset=dataset_of_run,
        script=f"{SCRIPTS}/hold_out_instances.py",
        library=library("hold_out_instances"),
    output:
        dataset="logs/model_evaluation/{run_id}/dataset.json",
        meta="logs/model_evaluation/{run_id}/dataset.json.meta.json",
    log:
        "logs/rules/hold_out_instances/{run_id}.log",
    benchmark:
        "benchmarks-out/hold_out_instances/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        most=run_setting("model_evaluation", "max_instances"),
    shell:
        r"""
        python {input.script:q} {input.dataset:q} \
            --train {input.train:q} \
            --validation {input.validation:q} \
            --max-instances {params.most:q} \
            --output {output.dataset:q} \
            &>{log:q}
        """


rule render_agent_config:
    """Write the agent's configuration for one of the two models, with a seed of its weights alone."""
    input:
        config=agent_of_trial,
        model=lambda wildcards: tried_model(wildcards.run_id, wildcards.side),
        script=f"{SCRIPTS}/render_agent_config.py",
        library=library("render_agent_config"),
    output:
        config="logs/model_evaluation/{run_id}/{side}.yaml",
    log:
        "logs/rules/render_agent_config/{run_id}.{side}.log",
    benchmark:
        "benchmarks-out/render_agent_config/{run_id}.{side}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    shell:
        r"""
        python {input.script:q} {input.config:q} \
            --model {input.model:q} \
            --output {output.config:q} \
            &>{log:q}
        """


rule evaluate_model:
    """Compare what the base model and the trained one did with the same instances."""
    input:
        dataset="logs/model_evaluation/{run_id}/dataset.json",
        manifest="outputs/{run_id}/manifest.json",
        base=lambda wildcards: f"trajectories/{CONFIGURATION.user}/{wildcards.run_id}.base/preds.json",
        tuned=lambda wildcards: f"trajectories/{CONFIGURATION.user}/{wildcards.run_id}.tuned/preds.json",
        base_report="logs/run_evaluation/{run_id}.base/report.json",
        tuned_report="logs/run_evaluation/{run_id}.tuned/report.json",
        script=f"{SCRIPTS}/evaluate_model.py",
        library=library("evaluate_model"),
    output:
        report="logs/model_evaluation/{run_id}/report.json",
    log:
        "logs/rules/evaluate_model/{run_id}.log",
    benchmark:
        "benchmarks-out/evaluate_model/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    shell:
        r"""
        python {input.script:q} {input.manifest:q} \
            --dataset {input.dataset:q} \
            --base {input.base:q} \
            --base-report {input.base_report:q} \
            --tuned {input.tuned:q} \
            --tuned-report {input.tuned_report:q} \
            --output {output.report:q} \
            &>{log:q}
        """
