"""From files found to rows in tables: catalogued, read, judged, merged, exactly once."""
