"""Pictures and pages of what noise did; only curves and spectrograms in PNG need the ``plots`` extra."""
