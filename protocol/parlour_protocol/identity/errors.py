"""Errors of statements about keys."""

from parlour_protocol.kit.errors import ParlourProtocolError


class StatementError(ParlourProtocolError):
    """A certificate, revocation, proof or log entry is malformed, or its signature is invalid."""
