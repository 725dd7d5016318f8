"""One table of settings for each topic; `Settings` inherits from all of them."""
