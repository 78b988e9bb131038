"""What is set aside, and what is done about it: looked at, corrected, replayed."""
