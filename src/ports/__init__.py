"""What the core needs from outside, as protocols in the shop's language."""
