"""Dask clusters as pods of a cluster, each as its owner."""
