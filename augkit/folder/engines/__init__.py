"""Engines that run the groups of a run in augkit's stead: executors of a caller, Dask and Ray, behind one seam."""
