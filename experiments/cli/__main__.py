"""Start the command line by the name that launch scripts used before `python -m mixkd`."""

from experiments.cli import main

main()
