"""Subscriptions in OPML: read as other programs export them, merged into feeds.yaml, and written with all settings.

`outlines` finds the outlines in a document, `reading` makes sources of them (`dialects`: what FreshRSS and Miniflux say
of theirs), `merging` adds those to feeds.yaml, without the `risks` of what strangers wrote; `writing` is the other way,
with our own attributes (`namespace`). The list that is published for readers is `aggregator.publish.opml`.
"""
