"""The report page with its charts, and the Results section of a spec. Decides nothing."""

from techspec.report.page import build
from techspec.report.results import results_markdown

__all__ = ["build", "results_markdown"]
