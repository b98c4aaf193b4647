"""What the program does: one verb each, with one ``__call__``: load, decide, save."""
