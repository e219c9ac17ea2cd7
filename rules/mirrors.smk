"""
From the local mirror and the engine's image to servers where others can reach them.

INPUT   logs/task_insts/<repo>.json; logs/build_images/<repo>/environment.json, with the mirror beside it
OUTPUT  logs/mirrors/<repo>.json, logs/images/<repo>.json; repository and registry are the stores
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


rule push_image:
    """Push the image of a repository to Docker Hub or another registry."""
    input:
        environment="logs/build_images/{repo}/environment.json",
        script=ancient(f"{SCRIPTS}/push_image.py"),
    output:
        summary="logs/images/{repo}.json",
    log:
        "logs/rules/push_image/{repo}.log",
    benchmark:
        "benchmarks-out/push_image/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=120,
    shell:
        r"""
        python {input.script:q} {input.environment:q} \
            --output {output.summary:q} \
            &>{log:q}
        """
