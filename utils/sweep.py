"""In goes a grid of parameters, out comes a run folder for each point, and what they show together.

`python -m utils.sweep OUT --grid NAME=VALUES... [-p NAME VALUE]... [--workers N]
[--scheduler ADDRESS]`
"""

import sys

from utils import mend_environment

mend_environment()
from utils.core.names import check_command_line

if __name__ == "__main__":  # a wrong name is refused before anything large is imported
    check_command_line("utils.sweep", sys.argv[1:])
    from utils.runs.sweep import main  # here, or each worker would import it: they import this file

    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("utils.sweep: stopped; the same command goes on where it was")
