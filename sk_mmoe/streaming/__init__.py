"""Tables that are too large for memory.

:class:`LazyTable` stands for the rows of Parquet files, or of a query. The estimators read it part
by part. For data without an end, use `partial_fit`.
"""

from sk_mmoe.streaming._lazy_table import LazyTable

__all__ = ["LazyTable"]
