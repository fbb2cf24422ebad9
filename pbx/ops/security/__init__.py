"""The locks on the doors, each looked at on this installation."""
