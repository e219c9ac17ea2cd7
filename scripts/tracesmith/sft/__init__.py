"""SFT rows: from the trajectories of a run to the lines that a model learns from, in every format of trainers."""

from tracesmith.sft.conversion import Settings, convert_trajectories
from tracesmith.sft.filtering import Wanted, filter_resolved
from tracesmith.sft.filters import Filters
from tracesmith.sft.lengths import POLICIES, Limit
from tracesmith.sft.styles import STYLES
from tracesmith.sft.tokens import NAMES as TEMPLATES
from tracesmith.sft.trajectories import prompt_name

__all__ = [
    "POLICIES",
    "STYLES",
    "TEMPLATES",
    "Filters",
    "Limit",
    "Settings",
    "Wanted",
    "convert_trajectories",
    "filter_resolved",
    "prompt_name",
]
