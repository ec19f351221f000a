"""The five families under one microscope: same data, same budget, same measures, every claim with a number.

python -m experiments.microscope --data=digits --minutes=1 --seeds=3
"""
