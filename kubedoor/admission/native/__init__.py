"""The door inside the API server: control values as parameters of MutatingAdmissionPolicies."""
