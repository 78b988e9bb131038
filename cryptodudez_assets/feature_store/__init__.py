"""The feature store: features kept in Iceberg, read as of any time for training, and by key for serving."""
