"""In go parameters, out comes a run folder: the three notebooks in order, from the command line.

`python -m utils.run RUN_DIR [-p NAME VALUE]... [--only NOTEBOOK]`
"""

import sys

from utils import mend_environment

mend_environment()
from utils.core.names import check_command_line

if __name__ == "__main__":  # a wrong name is refused before anything large is imported
    check_command_line("utils.run", sys.argv[1:])
from utils.runs.notebooks import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(
            "utils.run: stopped; what was finished is in the run folder; go on with -p resume True"
        )
