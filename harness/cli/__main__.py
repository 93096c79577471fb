"""``python -m harness.cli``: the command line without its installed script."""

from harness.cli import main

main()
