"""Learners: how a kind of agent learns from documents and writes new ones. One file NAME.py is one kind NAME."""
