"""
From task instances to the dataset that agents are run on.

INPUT   logs/task_insts/<repo>.json
OUTPUT  logs/issue_gen/<repo>__<mode>.json, logs/agent_datasets/<repo>_final.json
"""


rule write_issues:
    """Write the text of each instance's issue."""
    input:
        instances="logs/task_insts/{repo}.json",
        validation="logs/run_validation/{repo}/report.json",
        environment="logs/build_images/{repo}/environment.json",
        prompt=prompt_of_issues,
        demonstrations=demonstrations_of_issues,
        shards=shards_of(shards_of_issues, "write_issues/{repo}__{mode}"),
        script=ancient(f"{SCRIPTS}/write_issues.py"),
    output:
        issues="logs/issue_gen/{repo}__{mode}.json",
    log:
        "logs/rules/write_issues/{repo}__{mode}.log",
    benchmark:
        "benchmarks-out/write_issues/{repo}__{mode}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        docker=sandboxes_for_issues,
        llm=calls_for_issues,
        caps=caps_of_issues,
        mem_mb=1000,
        runtime=of_stage(shards_of_issues, 720, merging=60),
    params:
        validation=subpath(input.validation, parent=True),
        seed=repo_setting("issues", "seed"),
        model=model_of_issues,
        shard=option("--shard", shard_of),
        issues="logs/issue_gen/{repo}__{mode}.json",
    shell:
        r"""
        python {input.script:q} {input.instances:q} \
            --mode {wildcards.mode:q} \
            --seed {params.seed:q} \
            --validation {params.validation:q} \
            --environment {input.environment:q} \
            {params.model:q} \
            {resources.caps} \
            --calls {resources.llm} \
            --workers {resources.docker} \
            {params.shard:q} \
            --output {params.issues:q} \
            &>{log:q}
        """


rule assemble_dataset:
    """Join instances and issues."""
    input:
        instances="logs/task_insts/{repo}.json",
        issues=issues_of_repo,
        script=f"{SCRIPTS}/assemble_dataset.py",
        library=library("assemble_dataset"),
    output:
        dataset="logs/agent_datasets/{repo}_final.json",
        meta="logs/agent_datasets/{repo}_final.json.meta.json",
    log:
        "logs/rules/assemble_dataset/{repo}.log",
    benchmark:
        "benchmarks-out/assemble_dataset/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    shell:
        r"""
        python {input.script:q} {input.instances:q} \
            --issues {input.issues:q} \
            --output {output.dataset:q} \
            &>{log:q}
        """
