"""Bursts as noise: short noises at random times, of a law or from recorded backgrounds, and clicks."""
