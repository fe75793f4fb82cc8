"""The errors of the chat's delivery service, beside those of every server (``core/errors.py``)."""

from parlour_server.core.errors import ParlourServerError


class NoDeviceError(ParlourServerError):
    """The session has no device with keys, or a different one."""


class PasswordNeededError(ParlourServerError):
    """The change needs the password, not only a session (P7: stolen session)."""
