"""Policies, one file a kind: what holds in a step, decided from what the world was."""
