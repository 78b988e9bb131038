"""Bringing a lake and its catalog to another place, object by object and table by table, and comparing what arrived. Moves within one
disk, by a rename, are in `upkeep/moving.py`; what a home keeps beside its lake is not known here."""
