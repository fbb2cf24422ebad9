"""Commands for messages of patients."""
