"""Security checks of this installation."""
