"""Local servers that speak the venues' real protocols, with the faults that real ones have."""
