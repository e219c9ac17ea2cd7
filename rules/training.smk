"""
From the rows of resolved instances to a trained checkpoint.

INPUT   trajectories_sft/<run_id>.resolved_only.<style>.jsonl, the folder of the base model
OUTPUT  logs/train/<run_id>/<backend>.yaml, outputs/<run_id>/manifest.json; beside that each epoch_<n>/
"""


rule make_tiny_model:
    """Write a model of a million random weights, to try the training with."""
    input:
        rows=rows_to_train,
        script=f"{SCRIPTS}/make_tiny_model.py",
        library=library("make_tiny_model"),
    output:
        config="logs/train/{run_id}/tiny_model/config.json",
        generation="logs/train/{run_id}/tiny_model/generation_config.json",
        weights="logs/train/{run_id}/tiny_model/model.safetensors",
        tokenizer="logs/train/{run_id}/tiny_model/tokenizer.json",
        settings="logs/train/{run_id}/tiny_model/tokenizer_config.json",
        vocabulary="logs/train/{run_id}/tiny_model/vocab.json",
        merges="logs/train/{run_id}/tiny_model/merges.txt",
    log:
        "logs/rules/make_tiny_model/{run_id}.log",
    benchmark:
        "benchmarks-out/make_tiny_model/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    shell:
        r"""
        python {input.script:q} {input.rows:q} \
            --output "$(dirname {output.config:q})" \
            &>{log:q}
        """


rule render_training_config:
    """Write the YAML that the trainer takes as it stands."""
    input:
        config=lambda wildcards: find_file(run_setting("training", "config")(wildcards)),
        rows=rows_to_train,
        model=config_of_base_model,
        script=f"{SCRIPTS}/render_training_config.py",
        library=library("render_training_config"),
    output:
        config="logs/train/{run_id}/{backend}.yaml",
        meta="logs/train/{run_id}/{backend}.yaml.meta.json",
    log:
        "logs/rules/render_training_config/{run_id}.{backend}.log",
    benchmark:
        "benchmarks-out/render_training_config/{run_id}.{backend}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        base_model=base_model_of_run,
        gpus=run_setting("training", "gpus"),
        longest=option("--max-seq-len", run_setting("training", "max_seq_len")),
    shell:
        r"""
        python {input.script:q} {input.config:q} \
            --backend {wildcards.backend:q} \
            --rows {input.rows:q} \
            --base-model {params.base_model:q} \
            --gpus {params.gpus:q} \
            {params.longest:q} \
            --run-id {wildcards.run_id:q} \
            --output {output.config:q} \
            &>{log:q}
        """


rule finetune:
    """Train the model; a killed training goes on after its last whole epoch."""
    input:
        config=lambda wildcards: (f"logs/train/{wildcards.run_id}/{run_setting('training', 'backend')(wildcards)}.yaml"),
        rows=rows_to_train,
        model=config_of_base_model,
        script=ancient(f"{SCRIPTS}/finetune.py"),
    output:
        manifest="outputs/{run_id}/manifest.json",
    log:
        "logs/rules/finetune/{run_id}.log",
    benchmark:
        "benchmarks-out/finetune/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        gpu=run_setting("training", "gpus"),
        mem_mb=8000,
        runtime=2880,
    params:
        python=python_of_training,
    shell:
        r"""
        python {input.script:q} {input.config:q} \
            --python {params.python:q} \
            --output {output.manifest:q} \
            &>{log:q}
        """
