"""The report's page, and the tables in the README."""
