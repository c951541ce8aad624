"""The database: engine and transactions, its clock, tables, migrations."""
