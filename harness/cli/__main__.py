"""``python -P -m harness.cli``: the command line without its installed script.

Without ``-P`` Python itself would import from the current folder, before any line of ours runs.
"""

from harness.cli import main

main()
