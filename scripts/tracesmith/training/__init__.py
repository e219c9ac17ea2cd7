"""Training: from rows and a model's folder to a checkpoint that is known to be whole."""
