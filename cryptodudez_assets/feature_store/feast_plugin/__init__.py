"""Feast over the same tables: the extra `[feast]`. Nothing else in the project may import this, as importing Feast takes seconds.

What Feast is told is made from the feature views' declarations; what it reads, our point-in-time join and online store answer.
"""

import os

# Feast's usage reports, where it has any: nobody is told what is done here.
os.environ.setdefault("FEAST_USAGE", "False")
