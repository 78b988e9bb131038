"""The order-book recorder: a process of its own that writes one record per book and second, and loses none.

`state.py` is what it knows and decides, without any input or output; `process.py` connects that to sockets, files and clocks.
Wire formats belong to `venues/`, what becomes of landed files to `sources/`.
"""
