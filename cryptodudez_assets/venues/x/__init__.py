"""X, which sells posts: what its API says (`protocol.py`, `asking.py`), what that costs (`spending.py`), and the clients of it."""
