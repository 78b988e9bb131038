"""Nasty files with the truth about them: what of each is to be in the table, what in quarantine, and what the reasons must say.

The truth is written by the code that writes the file, and by Python's own `float`, `int` and `datetime`: nothing of the lake is
asked. `subjects` are what the files are about, `dialects` how text is written, `damage` what is wrong with it, `packing` in what it lies,
`files` draws from all of them.
"""
