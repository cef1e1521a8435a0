"""The database's history, oldest first. Written in SQL: constraints and partial indexes have no other form."""
