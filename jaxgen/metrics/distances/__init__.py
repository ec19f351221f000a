"""Distances between many points: nearest neighbours and balls, and squares that are true however close points are."""

from jaxgen.metrics.distances.blocks import BallCounts, ball_counts, nearest, nearest_others

__all__ = ['BallCounts', 'ball_counts', 'nearest', 'nearest_others']
