"""The certificate that the webhook serves, and the CA that the API server trusts."""
