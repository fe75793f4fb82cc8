"""The HTTPS API: JSON over `/v1`, strict in both directions, described by an OpenAPI document."""
