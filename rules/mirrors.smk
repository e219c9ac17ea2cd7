"""
From the local mirror to a server where others can reach it.

INPUT   logs/task_insts/<repo>.json; the mirror beside logs/build_images/<repo>/environment.json
OUTPUT  logs/mirrors/<repo>.json; the repository on the server is the store
"""


rule push_mirror:
    """Push the mirror, main and a branch an instance, to GitHub."""
    input:
        instances="logs/task_insts/{repo}.json",
        environment="logs/build_images/{repo}/environment.json",
        script=ancient(f"{SCRIPTS}/push_mirror.py"),
    output:
        summary="logs/mirrors/{repo}.json",
    log:
        "logs/rules/push_mirror/{repo}.log",
    benchmark:
        "benchmarks-out/push_mirror/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    params:
        owner_type=owner_type_of_mirror,
        api_url=CONFIGURATION.mirror["api_url"],
        git_url=CONFIGURATION.mirror["git_url"],
        public=[] if CONFIGURATION.mirror["private"] else ["--public"],
    shell:
        r"""
        python {input.script:q} {input.environment:q} \
            --instances {input.instances:q} \
            --owner-type {params.owner_type:q} \
            --api-url {params.api_url:q} \
            --git-url {params.git_url:q} \
            {params.public:q} \
            --output {output.summary:q} \
            &>{log:q}
        """
