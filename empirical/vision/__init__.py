"""Vision models as activation sources, and the ladders of them that can be trained anywhere."""
