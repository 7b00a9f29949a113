"""Commands that measure: `python -m benchmarks` prints every table, `python -m benchmarks.categorical` one.

Both sides of a ratio are always measured in the same run; single times on a shared machine mean little.
"""
