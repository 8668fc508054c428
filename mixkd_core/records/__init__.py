"""Run specifications and the folders that runs leave."""
