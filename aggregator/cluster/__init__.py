"""Many processes, on any number of machines, that share one PostgreSQL database: nothing here is used without one."""
