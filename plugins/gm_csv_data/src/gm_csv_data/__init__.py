"""gmcore data provider: rows from CSV files."""
