"""SFT rows: from the trajectories of a run to the lines of its resolved instances."""

from tracesmith.sft.conversion import Settings, convert_trajectories
from tracesmith.sft.filtering import filter_resolved
from tracesmith.sft.styles import STYLES

__all__ = ["STYLES", "Settings", "convert_trajectories", "filter_resolved"]
