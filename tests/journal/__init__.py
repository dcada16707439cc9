"""One set of promises for every journal: in memory, on SQLite, on PostgreSQL."""
