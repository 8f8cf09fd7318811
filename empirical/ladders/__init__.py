"""Ladders of model families as declarative files; `rosettalaw train NAME` finds them by name."""
