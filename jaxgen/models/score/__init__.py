"""Score models: one architecture per file."""
