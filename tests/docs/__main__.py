"""Numbers and tables of README and doc/, written from kept files: python -m tests.docs (make docs).

What stands between `<!--= EXPRESSION -->` and `<!--/-->` is replaced by what the expression gives,
Python over the names of this package.
"""

import re

from tests.docs import cues, interval, kept, patterns, recipes, runs, speed, table
from utils import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "doc").glob("*.md")))
MARKED = re.compile(r"(<!--= (.*?) -->)(.*?)(<!--/-->)", re.DOTALL)


def written(text: str) -> str:
    """A page with everything between markers written anew."""
    names = {"interval": interval, "kept": kept, "table": table, **vars(runs)}
    names |= vars(recipes) | vars(speed) | vars(cues) | vars(patterns)
    names |= {
        "demo": runs.Told("demo/metrics.json"),
        "cifar": runs.Told("cifar10/metrics.json"),
        "surest": runs.MISTAKES.iloc[0],
        "swept": kept("sweep/demo/sweep.json"),
        "of_cifar": kept("sweep/cifar10/sweep.json"),
        "readers": kept("performance/readers.json"),
    }

    def anew(match):
        try:
            return f"{match[1]}{eval(match[2], names)}{match[4]}"
        except Exception as error:
            raise ValueError(f"{match[1]}: {type(error).__name__}: {error}") from error

    return MARKED.sub(anew, text)


def main():
    """Write the pages, and the picture."""
    recipes.draw_reference()
    for page in PAGES:
        text = page.read_text()
        if (new := written(text)) != text:
            page.write_text(new)
            print(f"{page.relative_to(ROOT)}: changed")


if __name__ == "__main__":
    main()
