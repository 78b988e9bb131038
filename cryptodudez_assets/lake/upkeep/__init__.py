"""What is done to a lake as a whole, in quiet hours or by hand: upkeep, checks, rebuilding, restoring, moving."""
