"""What became of a run: every candidate and instance, followed to a training row or to the reason why not."""
