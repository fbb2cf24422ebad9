"""What a call should do: pure, frozen values and decisions, from the standard library alone."""
