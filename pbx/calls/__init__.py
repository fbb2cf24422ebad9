"""A patient's call: the question that Asterisk asks, and the verdict that it gets."""
