"""Sizing rules: usage days in, control values out."""
