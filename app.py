"""The page, as Mesa users start it: solara run app.py (or: ecosystem view)."""

from ecosystem.view.page import Page  # noqa: F401
