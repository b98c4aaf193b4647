"""Measures the program against what PostgreSQL itself can do, and against itself as the ledger grows."""
