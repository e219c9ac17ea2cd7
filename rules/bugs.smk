"""
From a prepared repository to valid task instances.

INPUT   logs/build_images/<repo>/environment.json
OUTPUT  logs/bug_gen/<repo>/<method>.json, logs/bug_gen/<repo>_all_patches.json,
        logs/run_validation/<repo>/report.json, logs/task_insts/<repo>.json
"""


rule generate_bugs:
    """Break functions of the pristine tree, one edit a candidate."""
    input:
        environment="logs/build_images/{repo}/environment.json",
        profile=profile_of_repo,
        script=f"{SCRIPTS}/generate_bugs.py",
        library=library("generate_bugs"),
    output:
        summary="logs/bug_gen/{repo}/{method}.json",
    log:
        "logs/rules/generate_bugs/{repo}.{method}.log",
    benchmark:
        "benchmarks-out/generate_bugs/{repo}.{method}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        source="logs/build_images/{repo}/source/tree",
        max_bugs=repo_setting("bug_generation", "max_bugs"),
        per_operator=option("--per-operator", repo_setting("bug_generation", "per_operator")),
        seed=repo_setting("bug_generation", "seed"),
        interleave=option(
            "--no-interleave", lambda wildcards: not repo_setting("bug_generation", "interleave")(wildcards)
        ),
        max_entities=option("--max-entities", repo_setting("bug_generation", "max_entities")),
        max_candidates=option("--max-candidates", repo_setting("bug_generation", "max_candidates")),
        timeout=option("--timeout", repo_setting("bug_generation", "timeout_s")),
    shell:
        r"""
        python {input.script:q} {params.source:q} \
            --repo {wildcards.repo:q} \
            --profile {input.profile:q} \
            --max-bugs {params.max_bugs:q} \
            --seed {params.seed:q} \
            {params.per_operator:q} \
            {params.interleave:q} \
            {params.max_entities:q} \
            {params.max_candidates:q} \
            {params.timeout:q} \
            --output {output.summary:q} \
            &>{log:q}
        """


rule collect_patches:
    """Collect the candidates of all methods in one list."""
    input:
        summaries=["logs/bug_gen/{repo}/procedural.json"],
        script=f"{SCRIPTS}/collect_patches.py",
        library=library("collect_patches"),
    output:
        patches="logs/bug_gen/{repo}_all_patches.json",
        meta="logs/bug_gen/{repo}_all_patches.json.meta.json",
    log:
        "logs/rules/collect_patches/{repo}.log",
    benchmark:
        "benchmarks-out/collect_patches/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    shell:
        r"""
        python {input.script:q} {input.summaries:q} \
            --repo {wildcards.repo:q} \
            --output {output.patches:q} \
            &>{log:q}
        """


rule screen_bugs:
    """Leave out candidates of equal JavaScript, or that do not compile."""
    input:
        patches="logs/bug_gen/{repo}_all_patches.json",
        environment="logs/build_images/{repo}/environment.json",
        script=ancient(f"{SCRIPTS}/screen_bugs.py"),
    output:
        patches="logs/bug_gen/{repo}_screened_patches.json",
        meta="logs/bug_gen/{repo}_screened_patches.json.meta.json",
    log:
        "logs/rules/screen_bugs/{repo}.log",
    benchmark:
        "benchmarks-out/screen_bugs/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        docker=sandboxes,
        mem_mb=500,
        runtime=240,
    params:
        screens=repo_setting("bug_generation", "screens"),
    shell:
        r"""
        python {input.script:q} {input.patches:q} \
            --environment {input.environment:q} \
            --screens {params.screens:q} \
            --output {output.patches:q} \
            &>{log:q}
        """


rule validate_bugs:
    """Run the test suite with each candidate."""
    input:
        patches=patches_to_validate,
        environment="logs/build_images/{repo}/environment.json",
        script=ancient(f"{SCRIPTS}/validate_bugs.py"),
    output:
        report="logs/run_validation/{repo}/report.json",
    log:
        "logs/rules/validate_bugs/{repo}.log",
    benchmark:
        "benchmarks-out/validate_bugs/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: repo_setting("validation", "workers")
    resources:
        docker=sandboxes,
        mem_mb=1000,
        runtime=720,
    params:
        timeout=repo_setting("validation", "timeout_s"),
        max_instances=option("--max-instances", repo_setting("validation", "max_instances")),
    shell:
        r"""
        python {input.script:q} {input.patches:q} \
            --environment {input.environment:q} \
            --timeout {params.timeout:q} \
            {params.max_instances:q} \
            --workers {resources.docker} \
            --output {output.report:q} \
            &>{log:q}
        """


rule gather_instances:
    """Gather the valid candidates as task instances, with a branch each in the mirror."""
    input:
        patches=patches_to_validate,
        report="logs/run_validation/{repo}/report.json",
        environment="logs/build_images/{repo}/environment.json",
        script=f"{SCRIPTS}/gather_instances.py",
        library=library("gather_instances"),
    output:
        instances="logs/task_insts/{repo}.json",
        meta="logs/task_insts/{repo}.json.meta.json",
    log:
        "logs/rules/gather_instances/{repo}.log",
    benchmark:
        "benchmarks-out/gather_instances/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    shell:
        r"""
        python {input.script:q} {input.patches:q} \
            --report {input.report:q} \
            --environment {input.environment:q} \
            --output {output.instances:q} \
            &>{log:q}
        """
