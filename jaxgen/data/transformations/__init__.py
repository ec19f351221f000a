"""What images become by a rule: twins to translate to, and pixels that are drawn once as black or white."""
