"""An OpenID provider on loopback over TLS, made of Authlib's server: RFC 6749, RFC 8628, refresh tokens.

Authlib's own classes decide about clients, codes and grants. A test approves codes as a person in a browser
does, disables people, rotates keys, and may let the provider misbehave.
"""

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, InvalidGrantError, OAuth2Request
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict
from joserfc import jws
from joserfc.jwk import ECKey, Key
from tests.server.host.setup.chains import TestCa, key_pem, new_key, pem_of

CLIENT = "parlour"
SECRET = "a+secret/of:the client"
Claims = dict[str, Any]


class Client(ClientMixin):  # type: ignore[misc] # Authlib has no types
    """The only client."""

    def get_client_id(self) -> str:
        return CLIENT

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - the base's
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:  # noqa: ARG002 - the base's
        return True

    def get_allowed_scope(self, scope: Any) -> Any:
        return scope


class FormRequest(OAuth2Request):  # type: ignore[misc]
    """A posted form."""

    def __init__(self, uri: str, form: dict[str, str], headers: dict[str, str]) -> None:
        super().__init__("POST", uri, headers=headers)
        self.payload = BasicOAuth2Payload(form)
        self._form = form

    @property
    def form(self) -> dict[str, str]:
        return self._form


@dataclass
class Refresh:
    """A refresh token that works once."""

    subject: str

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == CLIENT

    def get_scope(self) -> str:
        return "openid profile email offline_access"


def new_signing_key() -> Key:
    """Return a key for ES256 with an id of its own."""
    return ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig"}, private=True)


@dataclass
class Provider:
    """What a test sets, and what the provider has seen. ``issuer`` is its address."""

    people: dict[str, Claims] = field(default_factory=dict)
    """Claims of people, by subject; a person who is taken out was disabled."""
    sign: Callable[[Claims], str] | None = None
    """Makes the ID token in place of the provider."""
    answers: dict[str, Callable[[], tuple[int, bytes]]] = field(default_factory=dict)
    """Answers in place of the provider's, by path."""
    documents: Claims = field(default_factory=dict)
    """Changes of the discovery document."""
    clock: Callable[[], float] = time.time
    slows_down: bool = False
    id_token_with_refresh: bool = True
    issuer: str = ""
    ca: TestCa = field(default_factory=TestCa)
    key: Any = field(default_factory=new_signing_key)
    old_keys: list[Any] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    codes: dict[str, Any] = field(default_factory=dict)
    approved: dict[str, tuple[str, bool]] = field(default_factory=dict)
    refresh_tokens: dict[str, Refresh] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    """Every secret that it gave."""
    released: Event = field(default_factory=Event)

    def approve(self, user_code: str, subject: str, *, yes: bool = True) -> None:
        """Answer in the browser, as this person."""
        self.approved[user_code] = (subject, yes)

    def rotate(self) -> None:
        """Sign with another key from now on."""
        self.old_keys.append(self.key)
        self.key = new_signing_key()

    def count(self, path: str) -> int:
        """Return how often a path was asked."""
        return sum(1 for asked, _ in self.asked if asked == path)

    def claims(self, subject: str, nonce: str | None = None) -> Claims:
        """Return the claims of a person's ID token."""
        now = int(self.clock())
        made = {"iss": self.issuer, "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 300}
        return {
            **made,
            "jti": secrets.token_hex(8),
            **({"nonce": nonce} if nonce else {}),
            **self.people[subject],
        }

    def id_token(self, claims: Claims) -> str:
        """Sign an ID token."""
        return self.sign(claims) if self.sign is not None else signed(claims, self.key)

    @contextmanager
    def serve(self, folder: Path) -> Iterator["Provider"]:
        """Serve on loopback; ``folder`` gets `ca.pem`, which a client must trust."""
        key = new_key()
        chain, private = folder / "provider.pem", folder / "provider.key"
        chain.write_bytes(self.ca.chain(key.public_key(), ["localhost"]))
        private.write_bytes(key_pem(key))
        (folder / "provider-ca.pem").write_bytes(pem_of(self.ca.root))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, private)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self.issuer = f"https://localhost:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            server.shutdown()
            server.server_close()


def signed(claims: Claims, key: Key, algorithm: str = "ES256", **header: Any) -> str:
    """Sign claims as an ID token."""
    kid = {"kid": key.kid} if key.kid else {}
    return jws.serialize_compact(
        {"alg": algorithm, **kid, **header}, json.dumps(claims).encode(), key, algorithms=[algorithm]
    )


def _server_of(provider: Provider) -> Any:  # noqa: C901 - Authlib's classes, which close over it
    class Server(AuthorizationServer):  # type: ignore[misc]
        def query_client(self, client_id: str) -> Any:
            return Client() if client_id == CLIENT else None

        def save_token(self, token: Claims, request: Any) -> None:
            provider.issued.extend(token[name] for name in ("access_token", "refresh_token") if name in token)
            if "refresh_token" in token:
                provider.refresh_tokens[token["refresh_token"]] = Refresh(request.user)

        def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
            return request

        def handle_response(self, status: int, body: Any, headers: Any) -> Any:  # noqa: ARG002 - the base's
            return status, json.dumps(body).encode()

        def send_signal(self, *_given: Any, **_named: Any) -> None:
            pass

    class Codes(DeviceAuthorizationEndpoint):  # type: ignore[misc]
        def get_verification_uri(self) -> str:
            return f"{provider.issuer}/device"

        def create_endpoint_response(self, request: OAuth2Request) -> Any:
            self.form = request.form
            return super().create_endpoint_response(request)

        def save_device_credential(self, client_id: str, scope: str, data: Claims) -> None:
            more = {
                "client_id": client_id,
                "scope": scope,
                "expires_at": provider.clock() + data["expires_in"],
            }
            provider.codes[data["device_code"]] = DeviceCredentialDict({**data, **more, "form": self.form})
            provider.issued.append(data["device_code"])

    class Grant(DeviceCodeGrant):  # type: ignore[misc]
        def query_device_credential(self, device_code: str) -> DeviceCredentialDict | None:
            found = provider.codes.get(device_code)
            verifier = self.request.form.get("code_verifier", "")
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
            if found is not None and digest != found["form"]["code_challenge"]:
                raise InvalidGrantError
            return found

        def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
            return provider.approved.get(user_code)

        def should_slow_down(self, credential: Any) -> bool:  # noqa: ARG002 - the base's
            return provider.slows_down

        def create_token_response(self) -> Any:
            status, token, headers = super().create_token_response()
            asked: Any = self.request
            form = provider.codes.pop(asked.credential["device_code"])["form"]
            claims = provider.claims(asked.user, form.get("nonce"))
            return status, {**token, "id_token": provider.id_token(claims)}, headers

    class Renewal(RefreshTokenGrant):  # type: ignore[misc]
        INCLUDE_NEW_REFRESH_TOKEN = True
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def authenticate_refresh_token(self, refresh_token: str) -> Any:
            found = provider.refresh_tokens.pop(refresh_token, None)
            return found if found and found.subject in provider.people else None

        def authenticate_user(self, refresh_token: Refresh) -> str:
            return refresh_token.subject

        def revoke_old_credential(self, refresh_token: Any) -> None:
            pass

        def create_token_response(self) -> Any:
            status, token, headers = super().create_token_response()
            if provider.id_token_with_refresh:
                asked: Any = self.request
                given: Any = token
                token = {**given, "id_token": provider.id_token(provider.claims(asked.user))}
            return status, token, headers

    server = Server()
    server.register_token_generator(
        "default",
        BearerTokenGenerator(
            lambda *_, **__: secrets.token_urlsafe(24), lambda *_, **__: secrets.token_urlsafe(24)
        ),
    )
    server.register_endpoint(Codes)
    server.register_grant(Grant)
    server.register_grant(Renewal)
    return server


def _handler_for(provider: Provider) -> type[BaseHTTPRequestHandler]:
    server = _server_of(provider)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = [key.as_dict(private=False) for key in (*provider.old_keys, provider.key)]
            document = {
                "issuer": provider.issuer,
                "device_authorization_endpoint": f"{provider.issuer}/codes",
                "token_endpoint": f"{provider.issuer}/token",
                "jwks_uri": f"{provider.issuer}/keys",
                **provider.documents,
            }
            found = {"/.well-known/openid-configuration": document, "/keys": {"keys": keys}}
            self._answer(lambda: (200, json.dumps(found[self.path]).encode()), {})

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = dict(parse_qsl(text))
            request = FormRequest(provider.issuer + self.path, form, dict(self.headers))
            if self.path == "/codes":
                self._answer(lambda: server.create_endpoint_response("device_authorization", request), form)
            else:
                self._answer(lambda: server.create_token_response(request), form)

        def _answer(self, honest: Callable[[], tuple[int, bytes]], form: dict[str, str]) -> None:
            provider.asked.append((self.path, form))
            status, body = provider.answers.get(self.path, honest)()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", provider.issuer)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_args: object) -> None:  # noqa: A002 - the base's
            pass

    return Handler
