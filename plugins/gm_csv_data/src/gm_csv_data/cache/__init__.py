"""The cache of rows: its entries, its size limit, and who may read it."""

from gm_csv_data.cache.row_cache import RowCache

__all__ = ["RowCache"]
