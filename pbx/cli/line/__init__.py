"""Commands for the line itself: start and stop it, look at it, try it."""
