"""What human data is worth: experiments that give more or less of it, and what a metric makes of that.

Letters: P points of an experiment, S seeds.
"""

from ecosystem.value.measured import measured

__all__ = ["measured"]
