"""What is turned when entries are drawn: settings by which every autoregressive network is tried."""

KNOBS = (
  {},
  {'temperature': 0.5},
  {'temperature': 0.0},
  {'top_k': 3},
  {'top_p': 0.6},
  {'temperature': 1.5, 'top_k': 20, 'top_p': 0.9},
)
