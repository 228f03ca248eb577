"""Faults of sensors, and the truth about them: which cells are faulty, and how."""
