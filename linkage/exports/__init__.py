"""Published tables and rejected records as the lists that people open: CSV, workbooks, JSON, Parquet."""
