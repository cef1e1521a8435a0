"""The database's history, oldest first. Written in SQL, for constraints and partial indexes."""
