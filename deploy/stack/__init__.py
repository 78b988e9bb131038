"""The stack on Google Cloud, as components of Pulumi: a file for each, put together in `platform.py`.

What is asked of a graph that these make is in `../checks/`. How it is run is in `../README.md`.
"""
