"""The Ethereum signal: BUY, SELL or HODL for the day that follows a close."""
