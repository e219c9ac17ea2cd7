"""
From a profile to a place where the repository's tests run, and through the gate.

INPUT   configs/repos/<profile>.yaml
OUTPUT  logs/build_images/<repo>/environment.json; beside it the pristine tree, the image or prepared tree, the mirror
"""


rule build_environment:
    """Fetch the repository and prepare the place where its tests run."""
    input:
        profile=profile_of_repo,
        script=ancient(f"{SCRIPTS}/build_environment.py"),
    output:
        environment="logs/build_images/{repo}/environment.json",
    log:
        "logs/rules/build_environment/{repo}.log",
    benchmark:
        "benchmarks-out/build_environment/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        docker=1,
        mem_mb=1000,
        runtime=60,
    params:
        backend=repo_setting("sandbox", "backend"),
        memory=repo_setting("sandbox", "memory"),
        pids=repo_setting("sandbox", "pids"),
        cpus=repo_setting("sandbox", "cpus"),
        disk=repo_setting("sandbox", "disk"),
        timeout=repo_setting("sandbox", "timeout_s"),
        reference_runs=repo_setting("gate", "runs"),
        min_passing=repo_setting("gate", "passing"),
        network=option("--network", repo_setting("sandbox", "network")),
        base_image=option("--base-image", repo_setting("sandbox", "base_image")),
        with_swerex=option("--with-swerex", needs_swerex),
        github=CONFIGURATION.github,
        dockerhub=CONFIGURATION.dockerhub,
    shell:
        r"""
        python {input.script:q} {input.profile:q} \
            --backend {params.backend:q} \
            --memory {params.memory:q} \
            --pids {params.pids:q} \
            --cpus {params.cpus:q} \
            --disk {params.disk:q} \
            --timeout {params.timeout:q} \
            --reference-runs {params.reference_runs:q} \
            --min-passing {params.min_passing:q} \
            --github {params.github:q} \
            --dockerhub {params.dockerhub:q} \
            {params.network:q} {params.base_image:q} {params.with_swerex:q} \
            --output {output.environment:q} \
            &>{log:q}
        """
