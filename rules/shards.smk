"""
A stage in several jobs, on as many nodes: each fills its share of the stage's store, and the stage's own rule, which finds
all done, writes the summary. What the shards of write_bugs and write_issues share are the answers in logs/llm.

INPUT   that of the stage
OUTPUT  logs/shards/<stage>/<name>/<i>of<n>, empty
"""


use rule write_bugs as write_bugs_shard with:
    output:
        touch("logs/shards/write_bugs/{repo}.{method}/{shard}of{shards}"),
    log:
        "logs/rules/write_bugs/{repo}.{method}.{shard}of{shards}.log",
    benchmark:
        "benchmarks-out/write_bugs/{repo}.{method}.{shard}of{shards}.tsv"


use rule validate_bugs as validate_bugs_shard with:
    output:
        touch("logs/shards/validate_bugs/{repo}.{validated}/{shard}of{shards}"),
    log:
        "logs/rules/validate_bugs/{repo}.{validated}.{shard}of{shards}.log",
    benchmark:
        "benchmarks-out/validate_bugs/{repo}.{validated}.{shard}of{shards}.tsv"


use rule confirm_bugs as confirm_bugs_shard with:
    output:
        touch("logs/shards/confirm_bugs/{repo}/{shard}of{shards}"),
    log:
        "logs/rules/confirm_bugs/{repo}.{shard}of{shards}.log",
    benchmark:
        "benchmarks-out/confirm_bugs/{repo}.{shard}of{shards}.tsv"


use rule write_issues as write_issues_shard with:
    output:
        touch("logs/shards/write_issues/{repo}__{mode}/{shard}of{shards}"),
    log:
        "logs/rules/write_issues/{repo}__{mode}.{shard}of{shards}.log",
    benchmark:
        "benchmarks-out/write_issues/{repo}__{mode}.{shard}of{shards}.tsv"


use rule run_agent as run_agent_shard with:
    output:
        touch("logs/shards/run_agent/{user}/{run_id}/{shard}of{shards}"),
    log:
        "logs/rules/run_agent/{user}/{run_id}.{shard}of{shards}.log",
    benchmark:
        "benchmarks-out/run_agent/{user}/{run_id}.{shard}of{shards}.tsv"


use rule evaluate_predictions as evaluate_predictions_shard with:
    output:
        touch("logs/shards/evaluate_predictions/{run_id}/{shard}of{shards}"),
    log:
        "logs/rules/evaluate_predictions/{run_id}.{shard}of{shards}.log",
    benchmark:
        "benchmarks-out/evaluate_predictions/{run_id}.{shard}of{shards}.tsv"
