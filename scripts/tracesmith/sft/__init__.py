"""SFT rows: from the trajectories of a run to the lines that a model learns from, in every format of trainers."""

from tracesmith.sft.conversion import Settings, convert_trajectories
from tracesmith.sft.exports import KINDS, Source, export_rows
from tracesmith.sft.filtering import Wanted, filter_resolved
from tracesmith.sft.filters import Filters
from tracesmith.sft.lengths import POLICIES, Limit
from tracesmith.sft.splitting import Outputs, split_rows
from tracesmith.sft.styles import STYLES
from tracesmith.sft.tokens import NAMES as TEMPLATES
from tracesmith.sft.trajectories import prompt_name

EXPORTS = tuple(KINDS)

__all__ = [
    "EXPORTS",
    "POLICIES",
    "STYLES",
    "TEMPLATES",
    "Filters",
    "Limit",
    "Outputs",
    "Settings",
    "Source",
    "Wanted",
    "convert_trajectories",
    "export_rows",
    "filter_resolved",
    "prompt_name",
    "split_rows",
]
