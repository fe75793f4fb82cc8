"""Requests to the provider, bounded in size and time (`core/outgoing.py`: to which addresses).

No error names what was sent or answered: both are secrets.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from parlour_server.core.addresses import Networks
from parlour_server.core.outgoing import AddressRefusedError, Url, exchange

SECONDS: Final = 10.0
"""For a whole request: a slow provider must not hold many."""
MOST_BYTES: Final = 65_536


class ProviderError(Exception):
    """The provider can't be reached, or did not answer as one; the text is for the operator."""


class Fetcher:
    """Asks one provider."""

    def __init__(self, context: ssl.SSLContext, private: Networks) -> None:
        """``private`` are the networks that are not public, and allowed."""
        self._context = context
        self._private = private

    async def get(self, url: str) -> Mapping[str, Any]:
        """Return a document. Raises ProviderError."""
        status, found = await self._ask("GET", url, b"", {})
        if status != 200:  # noqa: PLR2004 - HTTP: OK
            raise ProviderError(f"it answers with HTTP status {status}")
        return found

    async def post(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Send a form; return the status and the answer. Raises ProviderError."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", url, urlencode(form).encode(), {**headers, **kind})

    async def _ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            async with asyncio.timeout(SECONDS):
                status, answer = await exchange(
                    method,
                    Url.parse(url),
                    {"Accept": "application/json", **headers},
                    body,
                    context=self._context,
                    private=self._private,
                    answer_bytes=MOST_BYTES,
                )
            if status < 400 or (status < 500 and answer):  # noqa: PLR2004 - HTTP: an error of OAuth is 400 or 401
                found = msgspec.json.decode(answer)
                if status < 300 or status >= 400:  # noqa: PLR2004 - a redirect is never followed
                    return status, found if isinstance(found, dict) else {}
        except AddressRefusedError:
            sentence = "its address is not a public one: oidc.private_networks names those that may be"
            raise ProviderError(sentence) from None
        except TimeoutError:
            raise ProviderError("it does not answer in time") from None
        except (OSError, ValueError, RecursionError) as error:
            raise ProviderError(f"it can't be asked ({type(error).__name__})") from None
        raise ProviderError(f"it answers with HTTP status {status}")
