"""Derived tables as somebody would add them: each file (with its SQL) is one, and nothing else says anything of it."""
