"""Runs: in go parameters, out come checked ones, an opened run folder, and executed notebooks."""

__all__ = ["about", "begin", "open_analysis", "open_images", "untrained"]


def __getattr__(name):  # what a worker of a sweep does without takes seconds to import
    if name not in __all__:
        raise AttributeError(name)
    from utils.runs import opening

    return getattr(opening, name)
