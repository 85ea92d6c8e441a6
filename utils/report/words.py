"""In go numbers of metrics.json and of a log, out come words and rounded numbers."""

HISTORY = {
    "epoch": "{:.0f}",
    "learning_rate": "{:.4f}",
    "train_loss": "{:.3f}",
    "val_loss": "{:.3f}",
    "train_accuracy": "{:.2f}",
    "val_accuracy": "{:.2f}",
    "seconds": "{:.0f}",
}


def history(log: list) -> list:
    """The rows of a log as one reads them, by the columns of HISTORY."""
    return [{name: shape.format(row[name]) for name, shape in HISTORY.items()} for row in log]


def words(section: dict | None) -> dict:
    """The values of a section of metrics.json as one reads them, {what: text}.

    Tables and what is None are left out.
    """
    texts = {
        name: word(str(value) if name == "seed" else value)
        for name, value in (section or {}).items()
    }
    return {
        name.replace("_", " ") + (", %" if "accuracy" in name or "interval" in name else ""): text
        for name, text in texts.items()
        if text
    }


def word(value) -> str:
    """A value as one reads it; nothing for None and tables."""
    if isinstance(value, dict):
        parts = {name: word(part) for name, part in value.items() if not isinstance(part, dict)}
        return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in parts.items() if text)
    if isinstance(value, list):
        return ", ".join(word(part) for part in value if not isinstance(part, dict))
    if value is None or isinstance(value, bool | str):
        return "" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
