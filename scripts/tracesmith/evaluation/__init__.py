"""Grading: each prediction's patch in a fresh workspace, judged by tests of the pristine tree."""
