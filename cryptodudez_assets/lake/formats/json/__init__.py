"""JSON: a record a line, or a document with a list of them. One reading of values and records, two of where records are."""
