"""Into Dask-Gateway: clusters that are the person."""
