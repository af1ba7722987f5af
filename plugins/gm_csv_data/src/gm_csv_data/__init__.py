"""gmcore data provider: rows from CSV files."""

from gm_csv_data.provider import CSVDataProvider

__all__ = ["CSVDataProvider"]
