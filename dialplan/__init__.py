"""How Asterisk is told: pure rendering of its configuration, values in and text out."""
