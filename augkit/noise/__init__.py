"""The core: distributions, keyed random bits and samplers. Blind to levels, domains and files."""
