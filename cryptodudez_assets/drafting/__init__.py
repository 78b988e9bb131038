"""Draft the declaration of a new source from a sample file, and try it on that sample: what `cryptodudez new-source` does."""
