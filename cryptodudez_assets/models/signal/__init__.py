"""Signals of coins: BUY, SELL or HODL for the day that follows a close. Which there are is said in `declared_models`."""
