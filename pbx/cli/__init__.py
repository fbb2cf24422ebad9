"""The command groups of the officeline command."""
