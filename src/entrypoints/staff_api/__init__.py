"""The staff API: what staff members and programs of a shop do over HTTP."""
