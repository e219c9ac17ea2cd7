"""
From final files to their copies in an S3-compatible store, where the configuration names one.

INPUT   trajectories_sft/…, reports/…
OUTPUT  the same name in the store; logs/published/<file>.json, what was copied and where to
"""

or_refuse(publishing.check_plugin)


storage s3:
    provider="s3",
    endpoint_url=CONFIGURATION.storage["endpoint_url"],
    region=CONFIGURATION.storage["region"],


localrules:
    publish_file,


rule publish_file:
    """Copy a final file to the store."""
    input:
        file=file_to_publish,
        script=f"{SCRIPTS}/publish_file.py",
        library=library("publish_file"),
    output:
        receipt="logs/published/{file}.json",
        copied=storage.s3(f"{CONFIGURATION.storage['s3']}/{{file}}"),
    log:
        "logs/rules/publish_file/{file}.log",
    benchmark:
        "benchmarks-out/publish_file/{file}.tsv"
    wildcard_constraints:
        file=r"(?:trajectories_sft|reports)/.+",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=60,
    params:
        url=f"{CONFIGURATION.storage['s3']}/{{file}}",
    shell:
        r"""
        python {input.script:q} {input.file:q} \
            --url {params.url:q} \
            --copy {output.copied:q} \
            --output {output.receipt:q} \
            &>{log:q}
        """
