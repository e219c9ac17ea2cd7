"""
From a prepared repository to valid task instances.

INPUT   logs/build_images/<repo>/environment.json
OUTPUT  logs/bug_gen/<repo>/<method>.json, logs/bug_gen/<repo>_{all,screened,combined}_patches.json,
        logs/run_validation/<repo>/{report,combined_report,confirmation}.json, logs/task_insts/<repo>.json
"""


rule generate_bugs:
    """Break functions of the pristine tree, one edit a candidate."""
    input:
        environment="logs/build_images/{repo}/environment.json",
        profile=profile_of_repo,
        script=f"{SCRIPTS}/generate_bugs.py",
        library=library("generate_bugs"),
    output:
        summary="logs/bug_gen/{repo}/procedural.json",
    log:
        "logs/rules/generate_bugs/{repo}.log",
    benchmark:
        "benchmarks-out/generate_bugs/{repo}.tsv"
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


rule write_bugs:
    """Have a model break functions, or write them anew."""
    input:
        environment="logs/build_images/{repo}/environment.json",
        profile=profile_of_repo,
        prompt=prompt_of_bugs,
        shards=shards_of(repo_setting("bug_generation", "shards"), "write_bugs/{repo}.{method}"),
        script=ancient(f"{SCRIPTS}/write_bugs.py"),
    output:
        summary="logs/bug_gen/{repo}/{method}.json",
    log:
        "logs/rules/write_bugs/{repo}.{method}.log",
    benchmark:
        "benchmarks-out/write_bugs/{repo}.{method}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        docker=sandboxes_for_bugs,
        llm=repo_setting("bug_generation", "llm_workers"),
        caps=caps_of_bugs,
        mem_mb=1000,
        runtime=720,
    params:
        max_bugs=repo_setting("bug_generation", "max_bugs"),
        n_bugs=repo_setting("bug_generation", "n_bugs"),
        max_entities=option("--max-entities", repo_setting("bug_generation", "max_entities")),
        seed=repo_setting("bug_generation", "seed"),
        screens=repo_setting("bug_generation", "screens"),
        empty=may_be_empty,
        model=model_of_bugs,
        shard=option("--shard", shard_of),
        summary="logs/bug_gen/{repo}/{method}.json",
    shell:
        r"""
        python {input.script:q} {input.environment:q} \
            --method {wildcards.method:q} \
            --prompt {input.prompt:q} \
            --profile {input.profile:q} \
            --max-bugs {params.max_bugs:q} \
            --n-bugs {params.n_bugs:q} \
            {params.max_entities:q} \
            --seed {params.seed:q} \
            --screens {params.screens:q} \
            {params.empty:q} \
            {params.model:q} \
            {resources.caps} \
            --calls {resources.llm} \
            {params.shard:q} \
            --output {params.summary:q} \
            &>{log:q}
        """


rule revert_pulls:
    """Put back what pull requests repaired."""
    input:
        pulls=pulls_of_repo,
        environment="logs/build_images/{repo}/environment.json",
        profile=profile_of_repo,
        script=f"{SCRIPTS}/revert_pulls.py",
        library=library("revert_pulls"),
    output:
        summary="logs/bug_gen/{repo}/pr.json",
    log:
        "logs/rules/revert_pulls/{repo}.log",
    benchmark:
        "benchmarks-out/revert_pulls/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        source="logs/build_images/{repo}/source/tree",
        max_bugs=repo_setting("bug_generation", "max_bugs"),
        empty=may_be_empty,
    shell:
        r"""
        python {input.script:q} {input.pulls:q} \
            --source {params.source:q} \
            --repo {wildcards.repo:q} \
            --profile {input.profile:q} \
            --max-bugs {params.max_bugs:q} \
            {params.empty:q} \
            --output {output.summary:q} \
            &>{log:q}
        """


rule collect_patches:
    """Collect the candidates of all methods in one list."""
    input:
        summaries=summaries_of_bugs,
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


rule combine_bugs:
    """Join valid bugs, several to a candidate."""
    input:
        patches=lambda wildcards: single_patches(repo_of(wildcards)),
        report="logs/run_validation/{repo}/report.json",
        environment="logs/build_images/{repo}/environment.json",
        script=f"{SCRIPTS}/combine_bugs.py",
        library=library("combine_bugs"),
    output:
        patches="logs/bug_gen/{repo}_combined_patches.json",
        meta="logs/bug_gen/{repo}_combined_patches.json.meta.json",
    log:
        "logs/rules/combine_bugs/{repo}.log",
    benchmark:
        "benchmarks-out/combine_bugs/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        source="logs/build_images/{repo}/source/tree",
        combine=flags_of_combining,
        seed=repo_setting("bug_generation", "seed"),
    shell:
        r"""
        python {input.script:q} {input.patches:q} \
            --report {input.report:q} \
            --source {params.source:q} \
            {params.combine:q} \
            --seed {params.seed:q} \
            --output {output.patches:q} \
            &>{log:q}
        """


rule validate_bugs:
    """Run the test suite with each candidate."""
    input:
        patches=patches_to_validate,
        environment="logs/build_images/{repo}/environment.json",
        shards=shards_of(repo_setting("validation", "shards"), "validate_bugs/{repo}.{validated}"),
        script=ancient(f"{SCRIPTS}/validate_bugs.py"),
    output:
        report="logs/run_validation/{repo}/{validated}.json",
    log:
        "logs/rules/validate_bugs/{repo}.{validated}.log",
    benchmark:
        "benchmarks-out/validate_bugs/{repo}.{validated}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: of_stage(repo_setting("validation", "shards"), repo_setting("validation", "workers"))
    resources:
        docker=sandboxes,
        mem_mb=1000,
        runtime=of_stage(repo_setting("validation", "shards"), 720, merging=60),
    params:
        empty=lambda wildcards: ["--allow-empty"] if wildcards.validated == "combined_report" else [],
        timeout=repo_setting("validation", "timeout_s"),
        max_instances=option("--max-instances", repo_setting("validation", "max_instances")),
        selection=repo_setting("validation", "selection"),
        shard=option("--shard", shard_of),
        report="logs/run_validation/{repo}/{validated}.json",
    shell:
        r"""
        python {input.script:q} {input.patches:q} \
            --environment {input.environment:q} \
            {params.empty:q} \
            --timeout {params.timeout:q} \
            {params.max_instances:q} \
            --selection {params.selection:q} \
            --workers {resources.docker} \
            {params.shard:q} \
            --output {params.report:q} \
            &>{log:q}
        """


rule confirm_bugs:
    """Run the test suite with each valid bug again, and try its tests on wrong fixes."""
    input:
        patches=validated_patches,
        reports=validation_reports,
        environment="logs/build_images/{repo}/environment.json",
        shards=shards_of(repo_setting("validation", "shards"), "confirm_bugs/{repo}"),
        script=ancient(f"{SCRIPTS}/confirm_bugs.py"),
    output:
        summary="logs/run_validation/{repo}/confirmation.json",
    log:
        "logs/rules/confirm_bugs/{repo}.log",
    benchmark:
        "benchmarks-out/confirm_bugs/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: of_stage(repo_setting("validation", "shards"), repo_setting("validation", "workers"))
    resources:
        docker=sandboxes,
        mem_mb=1000,
        runtime=of_stage(repo_setting("validation", "shards"), 720, merging=60),
    params:
        runs=repo_setting("validation", "confirm_runs"),
        timeout=repo_setting("validation", "timeout_s"),
        decoys=repo_setting("validation", "decoys"),
        least=option("--least-discrimination", repo_setting("validation", "least_discrimination")),
        selection=repo_setting("validation", "selection"),
        shard=option("--shard", shard_of),
        summary="logs/run_validation/{repo}/confirmation.json",
    shell:
        r"""
        python {input.script:q} {input.patches:q} \
            --report {input.reports:q} \
            --environment {input.environment:q} \
            --runs {params.runs:q} \
            --timeout {params.timeout:q} \
            --decoys {params.decoys:q} \
            {params.least:q} \
            --selection {params.selection:q} \
            --workers {resources.docker} \
            {params.shard:q} \
            --output {params.summary:q} \
            &>{log:q}
        """


rule gather_instances:
    """Gather the confirmed bugs as task instances, with a branch each in the mirror."""
    input:
        patches=validated_patches,
        reports=validation_reports,
        confirmation="logs/run_validation/{repo}/confirmation.json",
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
            --report {input.reports:q} \
            --confirmation {input.confirmation:q} \
            --environment {input.environment:q} \
            --output {output.instances:q} \
            &>{log:q}
        """
