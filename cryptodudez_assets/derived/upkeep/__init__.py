"""How derived tables are kept up to date: what a change reaches, computing a portion, committing it. Declarations do not come here."""
