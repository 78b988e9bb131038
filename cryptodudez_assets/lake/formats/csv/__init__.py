"""CSV: the dialect of a text, its header, its records, and typed raw columns made of them."""
