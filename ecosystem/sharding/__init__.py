"""One world in several processes: each holds the whole web and computes a part of the models.

A step is the step of any world (`Ecosystem.step`). What differs is who computes: the world sends to its shards what was
published, they draw the diets of their own models from it, train them, and send back what these write. Random numbers
belong to models and not to processes, so every number is that of the world in one process, to the last digit.
"""
