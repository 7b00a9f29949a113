"""The panel that people watch: live in a browser page, or as a replay in one file.

`panel/` is one renderer in plain JavaScript; `topology`, `recording` and `packing` make what it draws from a run,
`feed` from a world that goes on.
"""
