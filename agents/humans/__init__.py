"""Human writing. One file NAME.py is one kind NAME of world."""
