"""What a run leaves in its folder: its config, checkpoints, metrics and notes; written whole, read without change."""
