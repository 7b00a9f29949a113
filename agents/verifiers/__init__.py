"""Verifiers: who judges documents, and by what. One file NAME.py is one kind NAME."""
