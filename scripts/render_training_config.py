#!/usr/bin/env python3
"""
Write the YAML by which a trainer trains a model on rows.

    scripts/render_training_config.py configs/train/full_ft_qwen_7b_local.yml \\
        --rows trajectories_sft/RUN.resolved_only.xml.jsonl \\
        --base-model models/Qwen2.5-Coder-7B-Instruct --gpus 8 \\
        --run-id RUN --output logs/train/RUN/torchtune.yaml
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.training import rendering


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("config", type=Path, help="training configuration, such as those of configs/train")
    parser.add_argument("--rows", type=Path, required=True, help="SFT rows to train on")
    parser.add_argument("--base-model", type=Path, required=True, help="folder as the Hugging Face hub has it")
    parser.add_argument("--run-id", required=True, help="names outputs/RUN")
    parser.add_argument("--backend", choices=rendering.BACKENDS, help="refuse a configuration for another trainer")
    parser.add_argument("--gpus", type=cli.count, default=0, help="processes of a distributed recipe, one a GPU")
    parser.add_argument("--max-seq-len", type=int, help="tokens of a row, at most; else the configuration's")
    parser.add_argument("--family", help="of chat formats; else found by the tokenizer")
    parser.add_argument("--output", type=cli.output_file, required=True, help="YAML of the trainer")
    args = cli.arguments(parser)
    cli.start_logging()
    given = (args.rows, args.base_model, args.run_id, args.gpus, args.max_seq_len, args.family, args.backend)
    rendering.render(args.config, rendering.Training(*given), args.output)


if __name__ == "__main__":
    cli.run(main)
