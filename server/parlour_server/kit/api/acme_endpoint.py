"""What a CA finds at `/.well-known/acme-challenge/` while this server requests a certificate (http-01)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.kit.api.operations import Handler
from parlour_server.kit.api.problems import HEADERS, http_problem


@dataclass(frozen=True, slots=True)
class AcmeEndpoint:
    """``find`` returns the answer for a token, None for one that the CA was not promised."""

    find: Callable[[str], bytes | None]

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handler of the operation, by its name."""
        return {"answer_acme": self.answer}

    async def answer(self, request: Request) -> Response:
        """Return the answer, or 404."""
        found = self.find(request.path_params["id"])
        if found is None:
            return http_problem(HTTPStatus.NOT_FOUND, None)
        return Response(found, headers=HEADERS, media_type="application/octet-stream")
