from eager import eagerly  # noqa: F401
