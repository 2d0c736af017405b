"""Run the `casework` command as `python -m ops`."""

from ops.cli import main

main()
