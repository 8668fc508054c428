"""Studies, runs and the command line: the top floor, which may import everything below it."""
