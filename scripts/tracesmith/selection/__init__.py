"""Which test files can see a candidate: coverage of the pristine suite, and what a patch changes."""
