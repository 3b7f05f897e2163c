"""What is published: posts, merged feeds and the list of subscriptions, written from the store."""
