"""`python -m experiments.cli`: the command `mixkd`, for launchers that start modules."""

from experiments.cli import main

main()
