"""What is known of raw files: which there are, what is in them, what became of them. Reads bytes, never rows."""
