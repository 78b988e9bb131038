"""Bitso, an exchange in Mexico: what its public REST interface and its websocket say (`protocol.py`), and the clients of both."""
