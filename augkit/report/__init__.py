"""Pictures of what noise did. Needs the ``plots`` extra."""
