"""Who acts in the ecosystem: one file a kind, found by its name.

marker: model-ecosystem agents (another distribution also installs a package called `agents`; this line tells ours)
"""
