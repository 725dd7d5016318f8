"""One table of settings for each topic; `Settings` inherits from all of them.

Each class has a docstring: where there is none, `dataclass` makes one of the signature, which slows every start.
"""
