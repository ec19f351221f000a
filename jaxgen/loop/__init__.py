"""What the training loop consists of: what is prepared, watched, timed, and how it is stopped."""
