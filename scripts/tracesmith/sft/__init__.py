"""SFT rows: from the trajectories of a run to the lines that a model learns from, in every format of trainers."""
