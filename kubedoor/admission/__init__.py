"""Everything between an AdmissionReview and its answer, and the switch that sends reviews here."""
