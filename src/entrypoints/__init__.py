"""The ways in: the staff API, the command line, the worker; the container wires them."""
