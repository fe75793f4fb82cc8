"""The store in SQL: each rule once, for SQLite and PostgreSQL."""
