"""The demo: a practice, a phone network, and the scenes that show OfficeLine at work."""
