"""The mutating admission webhook, called "the door" in the documentation: from an AdmissionReview to its answer.

The switch that registers the webhook, its configuration and its certificates are here too.
"""
