"""The library behind the rules: plain functions on paths and records; it knows neither Snakemake nor argparse."""

__version__ = "0.1.0"
