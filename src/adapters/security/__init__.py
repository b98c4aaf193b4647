"""Passwords, credentials and keys."""
