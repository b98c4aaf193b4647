"""The ports on PostgreSQL 15 to 18."""
