"""Rules: what is published of an entry, and where. Pure.

In: an `Entry` as `normalize` made it, its `Sight`, and the rules of the configuration. Out: a `Ruling`.
"""

from __future__ import annotations
