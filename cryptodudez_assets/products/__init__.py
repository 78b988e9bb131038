"""What the platform makes of tables, and what of it is behind: asked of snapshots, whatever the reason. Knows nothing of Dagster."""
