"""Sizing rules: compute collected values from usage days."""
