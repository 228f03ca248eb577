"""Lists of many recordings: one file a kind, each with what `augkit.sidecars.names.Listing` asks for."""
