"""The live panel at `/live`: spreads of order books over the last hour, second by second, as recorders tell them or the table has them.

`hour` is what is kept, `recorders` and `table` are where it comes from, `hub` puts them together for those who listen.
"""
