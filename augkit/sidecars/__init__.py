"""Files that tell of other files: how the names in them are read, followed and replaced. Blind to domains."""
