"""Publishing: from stored items to posts, feeds and the list of subscriptions."""
