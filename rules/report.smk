"""
From all summaries of a run, or of a repository, to a page that people look at.

INPUT   the run's dataset, predictions, verdicts and rows, the summaries of how the dataset was made, and what a training
        has left by now
OUTPUT  reports/<run_id>.html, reports/<run_id>.json, reports/figures/<run_id>/, reports/repos/<repo>.html,
        reports/repos/<repo>.json; `snakemake --report FILE.html TARGET` shows pages and figures
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
        repository=page_of_repository,
        script=f"{SCRIPTS}/report_run.py",
        template=templates("run.html.j2"),
        library=library("report_run"),
    output:
        page=report(
            "reports/{run_id}.html",
            caption="../report/run.rst",
            category="Runs",
            subcategory="{run_id}",
            labels={"shows": "page"},
        ),
        summary="reports/{run_id}.json",
        figures=report(
            directory("reports/figures/{run_id}"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="Runs",
            subcategory="{run_id}",
            labels={"shows": "{figure}"},
        ),
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
        repository=lambda wildcards, input: ["--repository", *input.repository] if input.repository else [],
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
            --ledger logs/llm/ledger.jsonl \
            --benchmarks benchmarks-out \
            {params.repository:q} \
            --figures {output.figures:q} \
            --summary {output.summary:q} \
            --output {output.page:q} \
            &>{log:q}
        """


rule report_repo:
    """Write the page of a repository: stages, operators, what became of each candidate."""
    input:
        unpack(making_of_dataset),
        environment="logs/build_images/{repo}/environment.json",
        candidates=patches_of_repo,
        dataset="logs/agent_datasets/{repo}_final.json",
        script=f"{SCRIPTS}/report_repo.py",
        template=templates("repo.html.j2"),
        library=library("report_repo"),
    output:
        page=report(
            "reports/repos/{repo}.html",
            caption="../report/repo.rst",
            category="Repositories",
            labels={"repository": "{repo}", "shows": "page"},
        ),
        summary="reports/repos/{repo}.json",
    log:
        "logs/rules/report_repo/{repo}.log",
    benchmark:
        "benchmarks-out/report_repo/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        making=flags_of_making,
    shell:
        r"""
        python {input.script:q} \
            --environment {input.environment:q} \
            --candidates {input.candidates:q} \
            --dataset {input.dataset:q} \
            {params.making:q} \
            --summary {output.summary:q} \
            --output {output.page:q} \
            &>{log:q}
        """
