"""In goes what was measured, nested as metrics.json has it, out come tidy rows, one a number."""

from utils.core.files import read_metrics, write_rows

COLUMNS = ("part", "map", "measure", "n", "value", "low", "high")
_NUMBERS = ("n", "value", "low", "high"), ("n", "difference", "low", "high")


def write_results(run):
    """Write results.csv of a run folder: what its metrics.json has of explanations, `tidy`."""
    rows = tidy(read_metrics(run)["explanations"])
    write_rows(run / "results.csv", rows, columns=list(COLUMNS))


def tidy(measured: dict) -> list:
    """A row of COLUMNS for every mean with an interval in `measured`, in its order.

    `part` are the keys that lead to a table, `map` the name (or level) of its row and `measure` the
    rest.
    """
    return list(_rows(measured, (), "", ()))


def _rows(found, part, name, measure):
    if isinstance(found, list):
        for row in found:
            if isinstance(row, dict):
                yield from _rows(row, part, _name(row, name), measure)
    elif isinstance(found, dict) and {"n", "low", "high"} <= found.keys():
        claimed = "difference" in found  # from the baseline, of a claim
        measured = "difference" if claimed else ", ".join(measure)
        numbers = {"value" if key == "difference" else key: found[key] for key in _NUMBERS[claimed]}
        yield {"part": ".".join(part), "map": name, "measure": measured} | numbers
    elif isinstance(found, dict):
        for key, values in found.items():
            below = isinstance(values, dict | list)
            if below and name:
                yield from _rows(values, part, name, (*measure, key))
            elif below:
                yield from _rows(values, (*part, key), name, measure)


def _name(row, otherwise):
    """What a row of a table is of."""
    return str(next((row[key] for key in ("name", "level", "what") if key in row), otherwise))
