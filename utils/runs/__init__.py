"""Runs: in go parameters, out come checked ones, an opened run folder, and executed notebooks."""

from utils.runs.opening import about, begin, open_analysis, open_images, untrained

__all__ = ["about", "begin", "open_analysis", "open_images", "untrained"]
