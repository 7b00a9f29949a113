"""Compiled inner loops that several agents share."""
