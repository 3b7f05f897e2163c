"""Many workers on PostgreSQL: a real run of 20,000 sources, and a model of a million on its measured costs."""
