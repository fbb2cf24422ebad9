"""Create and change a practice's office.toml from answers: read, insert and save them."""
