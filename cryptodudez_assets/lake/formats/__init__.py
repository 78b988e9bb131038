"""What raw files are: archives, signatures, CSV and its dialects. Knows no store, no table and no state of ingestion."""
