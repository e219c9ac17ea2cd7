"""
From a source to a profile, and from a profile to a place where the repository's tests run, through the gate.

INPUT   configs/repos/<profile>.yaml, or the source of a repository with `profile: auto`
OUTPUT  logs/profiles/<repo>.yaml, for these
        logs/build_images/<repo>/environment.json; beside it the pristine tree, the image or prepared tree, the mirror
"""


rule make_profile:
    """Make the profile of a repository nobody has seen; one that was edited by hand is kept."""
    input:
        script=ancient(f"{SCRIPTS}/make_profile.py"),
    output:
        profile=update("logs/profiles/{repo}.yaml"),
    log:
        "logs/rules/make_profile/{repo}.log",
    benchmark:
        "benchmarks-out/make_profile/{repo}.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        docker=1,
        mem_mb=1000,
        runtime=120,
    params:
        source=source_to_detect,
        package=option("--package", repo_setting("profile", "package")),
        backend=repo_setting("sandbox", "backend"),
        memory=repo_setting("sandbox", "memory"),
        pids=repo_setting("sandbox", "pids"),
        cpus=repo_setting("sandbox", "cpus"),
        disk=repo_setting("sandbox", "disk"),
        timeout=repo_setting("sandbox", "timeout_s"),
        network=option("--network", repo_setting("sandbox", "network")),
        base_image=option("--base-image", repo_setting("sandbox", "base_image")),
    shell:
        r"""
        python {input.script:q} {params.source:q} \
            --backend {params.backend:q} \
            --memory {params.memory:q} \
            --pids {params.pids:q} \
            --cpus {params.cpus:q} \
            --disk {params.disk:q} \
            --timeout {params.timeout:q} \
            {params.package:q} {params.network:q} {params.base_image:q} \
            --output {output.profile:q} \
            &>{log:q}
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
        source=lambda wildcards: repo_of(wildcards).source,
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
            --source {params.source:q} \
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
