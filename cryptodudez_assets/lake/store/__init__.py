"""Where bytes are kept, who may look at them and who waits for whom. Knows no table, no source and no format."""
