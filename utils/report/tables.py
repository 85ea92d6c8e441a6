"""In go rows of numbers and words, out come tables, and numbers with their intervals as text."""

from prettytable import PrettyTable


def table(rows: list, columns: dict) -> PrettyTable:
    """A table of dictionaries; `columns` is {heading: (key, format of its values)}."""
    result = PrettyTable(list(columns))
    for heading, (_, shape) in columns.items():
        result.align[heading] = "l" if shape == "s" else "r"
    for row in rows:
        result.add_row([format(row[key], shape) for key, shape in columns.values()])
    return result


def interval_text(row) -> str:
    """A mean with its interval, that of a single value alone."""
    alone = row.get("n") == 1 and row["low"] == row["high"]
    return ("{value:z.2f}" if alone else "{value:z.2f} ({low:z.2f} to {high:z.2f})").format(**row)


def interval_table(rows: list, first: str, measures: dict) -> PrettyTable:
    """A table of rows with a name and means with their intervals; `measures` is {heading: key}."""
    texts = [
        {"name": row["name"]}
        | {key: interval_text(row[key]) if row.get(key) else "" for key in measures.values()}
        for row in rows
    ]
    return table(
        texts, {first: ("name", "s")} | {heading: (key, "s") for heading, key in measures.items()}
    )


def p_text(p) -> str:
    """A p value as tables show it; None is that of no test."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def values_table(values, first: str = "Map", seed: int = 0) -> PrettyTable:
    """A table of what a test measured: means over images with their intervals."""
    return interval_table(values.rows(seed), first, {measure: measure for measure in values.by})


def causes_table(rows: list) -> PrettyTable:
    """Planted causes, rows of `causes.explained`."""
    texts = [
        {
            "name": row["name"],
            "images": row["errors"]["n"],
            "wrong": counted(row["errors"]),
            "repaired": counted(row["repaired"]) if row["repaired"] else "",
            "redrawn": counted(row["redrawn"]) if row["redrawn"] else "",
        }
        for row in rows
    ]
    columns = {
        "Planted": ("name", "s"),
        "Images": ("images", "d"),
        "misclassified": ("wrong", "s"),
        "of these, right when repaired": ("repaired", "s"),
        "right when drawn anew": ("redrawn", "s"),
    }
    return table(texts, columns)


def counted(share: dict) -> str:
    """How many a share is, and the share with its interval."""
    return f"{round(share['value'] * share['n'])}: {interval_text(share)}"


def rates_table(rows: list) -> PrettyTable:
    """Mistakes by factor, rows of `factors.error_rates`."""
    columns = {
        "Factor": ("factor", "s"),
        "Group": ("group", "s"),
        "Images": ("n", "d"),
        "Misclassified": ("value", ".3f"),
        "95 % from": ("low", ".3f"),
        "to": ("high", ".3f"),
        "p": ("p text", "s"),
    }
    return table([row | {"p text": p_text(row["p"])} for row in rows], columns)


def kinds_table(rows: list) -> PrettyTable:
    """What people make of images, rows of `people.shares_of_kinds`."""
    columns = {
        "Kind": ("name", "s"),
        "Of the test images": ("images", "d"),
        "Of the mistakes": ("value", ".3f"),
        "95 % from": ("low", ".3f"),
        "to": ("high", ".3f"),
    }
    return table(rows, columns)


def groups_table(rows: list) -> PrettyTable:
    """Groups of mistakes, rows of `groups.described`."""
    columns = {
        "Group": ("name", "s"),
        "Mistakes": ("size", "d"),
        "Commonest": ("commonest", "s"),
        "times": ("times", "d"),
        "Test images around it": ("images", "d"),
        "right": ("right", ".2f"),
    }
    return table(rows, columns)


def claims_table(claims: list) -> PrettyTable:
    """What a map was shown to tell, a row for each of `claims.claims`."""
    texts = [
        row
        | {
            "better by": "{difference:+z.2f} ({low:+z.2f} to {high:+z.2f})".format(**row),
            "detectable": "" if row["least"] is None else f"{row['least']:.2f}",
            "p": p_text(row["p_holm"]),
        }
        for row in claims
    ]
    columns = {
        "Claim": ("what", "s"),
        "n": ("n", "d"),
        "Measured": ("ours", ".2f"),
        "Baseline": ("theirs", ".2f"),
        "which": ("baseline", "s"),
        "Better by": ("better by", "s"),
        "p": ("p", "s"),
        "Verdict": ("verdict", "s"),
        "Detectable": ("detectable", "s"),
    }
    found = table(texts, columns)
    found.max_width |= {"Claim": 32, "which": 20}  # or lines would be too long for a page
    return found


def networks_text(rows: list) -> str:
    """What was shown over networks, rows of `over_networks.claims`, or that it takes several."""
    if not rows:
        return (
            "All this is of one network. What holds for others like it takes several: `python -m "
            "utils.sweep runs/sweep --grid seed=0..4`, with the same parameters."
        )
    most = max(row["n"] for row in rows)
    return (
        f"Over {most} networks like this one: mean and 95 % interval over networks, verdict by p "
        f"after Holm\n{networks_table(rows)}"
    )


def networks_table(rows: list) -> PrettyTable:
    """What was shown over networks, rows of `over_networks.claims`."""
    texts = [
        row
        | {
            "better by": "{value:+z.2f} ({low:+z.2f} to {high:+z.2f})".format(**row),
            "p": p_text(row["p_holm"]),
        }
        for row in rows
    ]
    columns = {
        "Claim": ("what", "s"),
        "Better by": ("better by", "s"),
        "than": ("against", "s"),
        "p": ("p", "s"),
        "Verdict": ("verdict", "s"),
    }
    return table(texts, columns)
