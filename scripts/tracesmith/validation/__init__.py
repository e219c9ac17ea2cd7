"""Which candidates are bugs that the tests see: one reference run, one run a candidate, and the instances kept."""
