"""Scenario files: read with every mistake and its place, written with every default, changed by address."""
