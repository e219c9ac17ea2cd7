"""
From a dataset to an agent's trajectories.

INPUT   logs/agent_datasets/<repo>_final.json
OUTPUT  trajectories/<user>/<run_id>/preds.json; beside it a folder an instance
"""


rule run_agent:
    """Run the agent on each instance, in its workspace."""
    input:
        dataset=dataset_of_run,
        environment=environment_of_run,
        config=lambda wildcards: find_file(models.agent_config(run_of(wildcards).settings)),
        script=ancient(f"{SCRIPTS}/run_agent.py"),
    output:
        preds="trajectories/{user}/{run_id}/preds.json",
        meta="trajectories/{user}/{run_id}/preds.json.meta.json",
        statuses="trajectories/{user}/{run_id}/run_batch_exit_statuses.yaml",
    log:
        "logs/rules/run_agent/{user}/{run_id}.log",
    benchmark:
        "benchmarks-out/run_agent/{user}/{run_id}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: run_setting("agent", "workers")
    resources:
        docker=sandboxes_of_agent,
        llm=calls_of_agent,
        caps=caps_of_agent,
        mem_mb=1000,
        runtime=720,
    params:
        engine=run_setting("agent", "engine"),
        memory=run_setting("agent", "memory"),
        sample=run_setting("agent", "sample"),
        model=model_of_agent,
        home=option("--sweagent", run_setting("agent", "home")),
    shell:
        r"""
        python {input.script:q} {input.dataset:q} \
            --environment {input.environment:q} \
            --engine {params.engine:q} \
            --config {input.config:q} \
            --memory {params.memory:q} \
            --sample {params.sample} \
            {params.model:q} \
            {params.home:q} \
            {resources.caps} \
            --calls {resources.llm} \
            --workers {resources.docker} \
            --output {output.preds:q} \
            &>{log:q}
        """
