"""The volume model: the day's volume of a stock from its mean volume and its median price over a window of rows."""
