"""The control table as people use it: list, edit, export, import."""
