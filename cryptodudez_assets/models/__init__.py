"""Models: what they learn from, how they are judged, kept, promoted and loaded. Nothing here knows Dagster or HTTP."""
