"""What noise lies between two arrays, two files or two trees: its level, its law and its colour."""

from augkit.comparison.arrays import measure
from augkit.comparison.files import measure_files
from augkit.comparison.trees import measure_trees

__all__ = ["measure", "measure_files", "measure_trees"]
