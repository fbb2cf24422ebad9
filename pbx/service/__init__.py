"""The programs that run: the only place where the parts are wired together."""
