"""From an address to the sources that it may become: feeds, routes, lists."""
