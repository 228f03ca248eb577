"""Recorded backgrounds as noise: found, picked by key, cut or looped, their channels and rates matched."""
