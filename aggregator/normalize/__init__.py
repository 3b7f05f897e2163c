"""From raw entries to clean ones: `entry` cleans, `identity` tells one entry from another.

The modules are imported where they are used: a run that reads no document needs almost nothing of this package.
"""

from __future__ import annotations

#: Increase it with every change of what is safe, or of what stands for an entry: stored entries are then cleaned again.
SANITIZER_VERSION = 2
