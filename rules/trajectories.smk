"""
From a dataset to an agent's trajectories.

INPUT   logs/agent_datasets/<repo>_final.json
OUTPUT  logs/workspaces/<repo>.json, which instances give their fix away;
        trajectories/<user>/<run_id>/preds.json; beside it a folder an instance
"""


rule check_workspaces:
    """Look through every instance's workspace for the fixed code."""
    input:
        dataset=dataset_of_run,
        environment=environment_of_run,
        script=ancient(f"{SCRIPTS}/check_workspaces.py"),
    output:
        found="logs/workspaces/{repo}.json",
    log:
        "logs/rules/check_workspaces/{repo}.log",
    benchmark:
        "benchmarks-out/check_workspaces/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: repo_setting("validation", "workers")
    resources:
        docker=sandboxes,
        mem_mb=2000,
        runtime=240,
    shell:
        r"""
        python {input.script:q} {input.dataset:q} \
            --environment {input.environment:q} \
            --workers {resources.docker} \
            --output {output.found:q} \
            &>{log:q}
        """


rule run_agent:
    """Run the agent on each instance, in its workspace."""
    input:
        dataset=dataset_of_run,
        environment=environment_of_run,
        workspaces=workspaces_of_run,
        shards=shards_of(run_setting("agent", "shards"), "run_agent/{user}/{run_id}"),
        config=config_of_agent,
        script=ancient(f"{SCRIPTS}/run_agent.py"),
    output:
        preds="trajectories/{user}/{run_id}/preds.json",
        meta="trajectories/{user}/{run_id}/preds.json.meta.json",
        statuses="trajectories/{user}/{run_id}/run_batch_exit_statuses.yaml",
    log:
        "logs/rules/run_agent/{user}/{run_id}.log",
    benchmark:
        "benchmarks-out/run_agent/{user}/{run_id}.tsv"
    wildcard_constraints:
        run_id=rf"(?!(?:{taken_over()})/)(?:(?!\.resolved_only)[\w.-])+",
    conda:
        "../envs/pipeline.yaml"
    threads: of_stage(run_setting("agent", "shards"), run_setting("agent", "workers"))
    resources:
        docker=sandboxes_of_agent,
        llm=calls_of_agent,
        caps=caps_of_agent,
        mem_mb=lambda wildcards: 9000 if server_of_agent(wildcards) else 1000,
        runtime=of_stage(run_setting("agent", "shards"), 720, merging=60),
    params:
        engine=run_setting("agent", "engine"),
        memory=run_setting("agent", "memory"),
        sample=run_setting("agent", "sample"),
        model=model_of_agent,
        home=option("--sweagent", run_setting("agent", "home")),
        server=server_of_agent,
        may_fail=may_fail,
        shard=option("--shard", shard_of),
        preds="trajectories/{user}/{run_id}/preds.json",
    shell:
        r"""
        {params.server:q} python {input.script:q} {input.dataset:q} \
            --environment {input.environment:q} \
            --workspaces {input.workspaces:q} \
            --engine {params.engine:q} \
            --config {input.config:q} \
            --memory {params.memory:q} \
            --sample {params.sample} \
            {params.model:q} \
            {params.home:q} \
            {params.may_fail:q} \
            {resources.caps} \
            --calls {resources.llm} \
            --workers {resources.docker} \
            {params.shard:q} \
            --output {params.preds:q} \
            &>{log:q}
        """


rule import_trajectories:
    """Take over trajectories that were made elsewhere."""
    input:
        trajectories=trajectories_to_import,
        predictions=lambda wildcards: own_file(run_of(wildcards).settings["predictions"]) or [],
        script=f"{SCRIPTS}/import_trajectories.py",
        library=library("import_trajectories"),
    output:
        preds="trajectories/{user}/{run_id}/preds.json",
        meta="trajectories/{user}/{run_id}/preds.json.meta.json",
        statuses="trajectories/{user}/{run_id}/run_batch_exit_statuses.yaml",
    log:
        "logs/rules/import_trajectories/{user}/{run_id}.log",
    benchmark:
        "benchmarks-out/import_trajectories/{user}/{run_id}.tsv"
    wildcard_constraints:
        run_id=taken_over(),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        predictions=lambda wildcards, input: ["--predictions", input.predictions] if input.predictions else [],
    shell:
        r"""
        python {input.script:q} {input.trajectories:q} \
            {params.predictions:q} \
            --output {output.preds:q} \
            &>{log:q}
        """
