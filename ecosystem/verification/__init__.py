"""Verification at work: which models are guarded, what verifiers accept, and how right they were."""
