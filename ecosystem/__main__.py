"""`python -m ecosystem`: the command line."""

import sys

from ecosystem.cli import main

if __name__ == "__main__":
    sys.exit(main())
