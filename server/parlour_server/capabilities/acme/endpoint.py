"""Answers a CA at `/.well-known/acme-challenge/` while this server requests a certificate (http-01)."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.capabilities.acme.answers import CONTENT_TYPE, PATH, find_answer
from parlour_server.core.https.operations import NOT_FOUND, Handler, Operation
from parlour_server.core.https.problems import HEADERS, http_problem

OPERATION: Final = Operation(
    "answer_acme",
    "GET",
    f"{PATH}{{id}}",
    "Answer a CA's challenge, while this server requests a certificate.",
    HTTPStatus.OK,
    session=False,
    gives_bytes=True,
    refusals=(NOT_FOUND,),
)


@dataclass(frozen=True, slots=True)
class AcmeEndpoint:
    """Answers for a token that the CA was promised, from the folder of answers."""

    answers: Path

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handler of the operation, by its name."""
        return {OPERATION.name: self.answer}

    async def answer(self, request: Request) -> Response:
        """Return the answer, or 404."""
        found = find_answer(self.answers, request.path_params["id"])
        if found is None:
            return http_problem(HTTPStatus.NOT_FOUND, None)
        return Response(found, headers=HEADERS, media_type=CONTENT_TYPE)
