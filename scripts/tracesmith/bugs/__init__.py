"""Bug candidates: found in the pristine sources, written as patches that induce one bug each, and collected."""
