"""The site generators. Another one is one more module here, with a function `sites` that returns its `Site`s."""

from __future__ import annotations
