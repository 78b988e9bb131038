"""Clients of the places that data come from. They are handed what they need; settings and the lake are not known here."""
