"""SFT rows: from the trajectories of a run to the lines of its resolved instances."""

from tracesmith.sft.conversion import Settings, convert_trajectories
from tracesmith.sft.filtering import filter_resolved
from tracesmith.sft.styles import STYLES
from tracesmith.sft.tokens import NAMES as TEMPLATES
from tracesmith.sft.trajectories import prompt_name

__all__ = ["STYLES", "TEMPLATES", "Settings", "convert_trajectories", "filter_resolved", "prompt_name"]
