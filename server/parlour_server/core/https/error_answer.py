"""How the HTTPS API answers an error: its status, its code, and a sentence for the person."""

from http import HTTPStatus
from typing import NamedTuple


class ErrorAnswer(NamedTuple):
    """One row. Without ``text``, the error's own text is for the person."""

    status: HTTPStatus
    code: str
    text: str = ""
