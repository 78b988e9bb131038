"""Asking for what the lake does not have, and landing the answers byte for byte. How venues are asked is in `venues/`."""
