"""The volume forecast: a stock's volume on the next trading day, from days before it. What knows the day itself is in `volume/`."""
