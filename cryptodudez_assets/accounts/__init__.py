"""The accounts of an exchange as a star: facts, dimensions and snapshots, each module with a `DERIVED` one table.

They are computed of the histories (`contracts/accounts.py`) and of each other. What counts as what is in `rules.py`, what they have in
common in `star.py`, what their checks compare in `reconciling.py`. Questions, metrics and files for others are not here.
"""
