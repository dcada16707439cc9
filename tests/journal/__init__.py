"""One set of promises for every journal: a model, in memory, on SQLite, on PostgreSQL."""
