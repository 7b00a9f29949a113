"""Runs: made, recorded, opened again, compared, and judged by what a scenario claims."""
