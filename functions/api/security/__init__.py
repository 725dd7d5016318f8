"""Authentication, authorization and body limits of the API."""
