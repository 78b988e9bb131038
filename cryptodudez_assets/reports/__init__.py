"""What all HTML reports share: how they look, and nothing of what they say. Knows nothing of the project."""
