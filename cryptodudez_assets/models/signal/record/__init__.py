"""The live record of a signal: what was served, what became of it, and whether it stood on the features that the lake has.

A row a receipt, in one table. How a model did on days of the past is told by its findings; what is drawn of either is not for here.
"""
