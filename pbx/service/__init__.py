"""The processes that run; the only package where the parts are wired together."""
