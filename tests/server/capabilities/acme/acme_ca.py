"""A CA that speaks ACME over HTTPS on loopback, written from RFC 8555 without a library for it.

It checks every request as a CA does (signature, nonce, URL, account), really connects to validate http-01,
and looks records up for dns-01. A test may let it misbehave.
"""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.server.host.setup.chains import TestCa, key_pem, new_key, pem_of

Json = dict[str, Any]


def from_base64(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_base64(data: bytes) -> str:
    """Encode it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class RefusedError(Exception):
    """A problem document (RFC 7807)."""

    def __init__(self, kind: str, detail: str = "", status: int = 403) -> None:
        super().__init__(kind)
        self.document = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}
        self.status = status


@dataclass
class Order:
    """An order, with one authorization and its challenges for each identifier."""

    account: str
    identifiers: list[Json]
    tokens: list[str]
    statuses: list[str]
    problems: list[Json | None]
    status: str = "pending"
    chain: bytes = b""


@dataclass
class AcmeCa:
    """What a test sets, and what the CA has seen. ``url`` is its directory."""

    validate_at: tuple[str, int] = ("127.0.0.1", 80)
    """Where it connects for http-01, instead of port 80 of the name."""
    txt_records: Callable[[], dict[str, str]] = dict
    challenges: tuple[str, ...] = ("http-01", "dns-01")
    sign: Callable[["AcmeCa", x509.CertificateSigningRequest, list[str]], bytes] | None = None
    """Returns another chain than the right one."""
    bad_nonces: int = 0
    """How many of the next requests are refused with `badNonce`."""
    tamper: Callable[[str, Json], tuple[Json, dict[str, str]]] = lambda _path, body: (body, {})
    """Changes an answer, and adds header fields."""
    external_key: str = ""
    """Asks for an external account binding by this key, if it is not empty."""
    url: str = ""
    ca: TestCa = field(default_factory=TestCa)
    accounts: dict[str, Json] = field(default_factory=dict)
    """Keys (JWK) by thumbprint."""
    orders: list[Order] = field(default_factory=list)
    validated: list[str] = field(default_factory=list)
    """URLs that were fetched for http-01, names that were looked up for dns-01."""
    nonces: set[str] = field(default_factory=set)

    @contextmanager
    def running(self, folder: Path) -> Iterator[Path]:
        """Serve on a free port; gives a file with the certificate to trust."""
        key = new_key()
        folder.mkdir()
        (folder / "https.pem").write_bytes(
            pem_of(self.ca.sign(key.public_key(), ["127.0.0.1"]), self.ca.intermediate)
        )
        (folder / "https.key").write_bytes(key_pem(key))
        (folder / "root.pem").write_bytes(pem_of(self.ca.root))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "https.pem", folder / "https.key")
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        self.url = f"https://127.0.0.1:{server.server_address[1]}/directory"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield folder / "root.pem"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def link(self, path: str) -> str:
        """Return the URL of a resource."""
        return self.url.removesuffix("/directory") + path

    def answer(  # noqa: PLR0911 - a row for each resource
        self, path: str, jws: Json
    ) -> tuple[int, Json | bytes, dict[str, str]]:
        """Answer a POST (section 6.2): status, body and header fields. Raises RefusedError."""
        protected, payload, account = self._verified(path, jws)
        match path.strip("/").split("/"):
            case ["new-account"]:
                return self._account(payload, protected)
            case ["new-order"]:
                return self._new_order(payload, account)
            case ["order", number]:
                return 200, self._order(int(number)), {}
            case ["authz", number, index]:
                return 200, self._authorization(int(number), int(index)), {}
            case ["chall", number, index, kind]:
                up = f'<{self.link(f"/authz/{number}/{index}")}>;rel="up"'
                return 200, self._validated(int(number), int(index), kind), {"Link": up}
            case ["finalize", number]:
                return 200, self._finalize(int(number), payload), {}
            case ["cert", number]:
                return (
                    200,
                    self.orders[int(number)].chain,
                    {"Content-Type": "application/pem-certificate-chain"},
                )
            case _:
                raise RefusedError("malformed", "no such resource", 404)

    def _verified(self, path: str, jws: Json) -> tuple[Json, Json, str]:
        """Check the JWS (sections 6.2 to 6.5); returns its header, payload and account."""
        if set(jws) != {"protected", "payload", "signature"}:
            raise RefusedError("malformed", "not a flattened JWS", 400)
        protected = json.loads(from_base64(jws["protected"]))
        if protected["alg"] not in {"ES256", "RS256"}:
            raise RefusedError("badSignatureAlgorithm", status=400)
        if protected["url"] != self.link(path):
            raise RefusedError("unauthorized", "the URL of the request is another", 401)
        is_new = path == "/new-account"
        if ("jwk" in protected) is not is_new or ("kid" in protected) is is_new:
            raise RefusedError("malformed", "jwk for a new account, kid for all else", 400)
        jwk = protected["jwk"] if is_new else self.accounts.get(protected["kid"].rpartition("/")[2])
        if jwk is None:
            raise RefusedError("accountDoesNotExist", status=400)
        _check_signature(jwk, jws)
        known = protected["nonce"] in self.nonces
        self.nonces.discard(protected["nonce"])
        if not known or self.bad_nonces > 0:
            self.bad_nonces -= known
            raise RefusedError("badNonce", status=400)
        payload = from_base64(jws["payload"])
        return protected, json.loads(payload) if payload else {}, thumbprint(jwk)

    def _account(self, payload: Json, protected: Json) -> tuple[int, Json, dict[str, str]]:
        if not payload.get("termsOfServiceAgreed"):
            raise RefusedError("userActionRequired", "agree to the terms")
        if self.external_key:
            self._check_binding(payload.get("externalAccountBinding"), protected["jwk"])
        name = thumbprint(protected["jwk"])
        status = 200 if name in self.accounts else 201
        self.accounts[name] = protected["jwk"]
        return status, {"status": "valid", **payload}, {"Location": self.link(f"/acct/{name}")}

    def _check_binding(self, binding: Json | None, jwk: Json) -> None:
        """Section 7.3.4: the account's key, signed with the key that the CA gave out."""
        if not binding:
            raise RefusedError("externalAccountRequired")
        protected = json.loads(from_base64(binding["protected"]))
        signed = f"{binding['protected']}.{binding['payload']}".encode()
        mac = hmac.digest(from_base64(self.external_key), signed, "sha256")
        if (
            (protected["alg"], protected["kid"]) != ("HS256", "key-1")
            or json.loads(from_base64(binding["payload"])) != jwk
            or mac != from_base64(binding["signature"])
        ):
            raise RefusedError("unauthorized", "the external account binding is wrong", 401)

    def _new_order(self, payload: Json, account: str) -> tuple[int, Json, dict[str, str]]:
        identifiers = payload["identifiers"]
        count = len(identifiers)
        self.orders.append(
            Order(
                account,
                identifiers,
                [secrets.token_urlsafe(24) for _ in range(count)],
                ["pending"] * count,
                [None] * count,
            )
        )
        number = len(self.orders) - 1
        return 201, self._order(number), {"Location": self.link(f"/order/{number}")}

    def _order(self, number: int) -> Json:
        order = self.orders[number]
        if order.status == "pending":
            order.status = {"valid": "ready", "invalid": "invalid"}.get(
                next((one for one in order.statuses if one != "valid"), "valid"), "pending"
            )
        found: Json = {
            "status": order.status,
            "identifiers": order.identifiers,
            "authorizations": [self.link(f"/authz/{number}/{index}") for index in range(len(order.tokens))],
            "finalize": self.link(f"/finalize/{number}"),
        }
        if order.chain:
            found["certificate"] = self.link(f"/cert/{number}")
        return found

    def _authorization(self, number: int, index: int) -> Json:
        order = self.orders[number]
        return {
            "identifier": order.identifiers[index],
            "status": order.statuses[index],
            "challenges": [self._challenge(number, index, kind) for kind in self.challenges],
        }

    def _challenge(self, number: int, index: int, kind: str) -> Json:
        order = self.orders[number]
        found: Json = {
            "type": kind,
            "url": self.link(f"/chall/{number}/{index}/{kind}"),
            "token": order.tokens[index],
            "status": order.statuses[index],
        }
        if problem := order.problems[index]:
            found["error"] = problem
        return found

    def _validated(self, number: int, index: int, kind: str) -> Json:
        """Section 8: validate at once."""
        order = self.orders[number]
        authorization = f"{order.tokens[index]}.{order.account}"
        name = order.identifiers[index]["value"]
        try:
            good = (
                self._fetch(name, order.tokens[index]).rstrip() == authorization
                if kind == "http-01"
                else self._look_up(name) == to_base64(hashlib.sha256(authorization.encode()).digest())
            )
            problem = "" if good else "the answer is another"
        except (OSError, http.client.HTTPException) as error:
            problem = f"no answer: {type(error).__name__}"
        if problem:
            order.problems[index] = RefusedError("unauthorized", f"{name}: {problem}").document
        order.statuses[index] = "invalid" if problem else "valid"
        return self._challenge(number, index, kind)

    def _fetch(self, name: str, token: str) -> str:
        """Section 8.3: GET from port 80, follow redirects, and trust any certificate then."""
        url, host, port = f"http://{name}/.well-known/acme-challenge/{token}", *self.validate_at
        for _ in range(3):
            parts = urlsplit(url)
            self.validated.append(url)
            connection: http.client.HTTPConnection
            if parts.scheme == "https":
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = http.client.HTTPSConnection(
                    parts.hostname or "", parts.port or 443, context=context, timeout=20
                )
            else:
                connection = http.client.HTTPConnection(host, port, timeout=20)
            with suppress(OSError):
                connection.connect()
            connection.request("GET", parts.path, headers={"Host": parts.netloc, "Connection": "close"})
            answer = connection.getresponse()
            text = answer.read(1024).decode("ascii", "replace")
            connection.close()
            if answer.status not in {301, 302, 307, 308}:
                return text if answer.status == 200 else f"status {answer.status}"
            url = answer.headers["Location"]
        return "too many redirects"

    def _look_up(self, name: str) -> str | None:
        """Section 8.4."""
        record = f"_acme-challenge.{name}"
        self.validated.append(record)
        return self.txt_records().get(record)

    def _finalize(self, number: int, payload: Json) -> Json:
        """Section 7.4: the request must be for exactly the identifiers of the order."""
        order = self.orders[number]
        self._order(number)
        if order.status != "ready":
            raise RefusedError("orderNotReady")
        request = x509.load_der_x509_csr(from_base64(payload["csr"]))
        if not request.is_signature_valid:
            raise RefusedError("badCSR")
        alternatives = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [
            *alternatives.get_values_for_type(x509.DNSName),
            *map(str, alternatives.get_values_for_type(x509.IPAddress)),
        ]
        if sorted(names) != sorted(one["value"] for one in order.identifiers):
            raise RefusedError("badCSR", "it has other names than the order")
        if self.sign is not None:
            order.chain = self.sign(self, request, names)
        else:
            key: Any = request.public_key()
            order.chain = self.ca.chain(key, names)
        order.status = "valid"
        return self._order(number)


_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}
"""The members of a key that its thumbprint is made of, by its kind (RFC 7638 section 3.2)."""


def thumbprint(jwk: Json) -> str:
    """Return the name of a key (RFC 7638)."""
    required = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    return to_base64(hashlib.sha256(text.encode()).digest())


def _check_signature(jwk: Json, jws: Json) -> None:
    raw, signed = from_base64(jws["signature"]), f"{jws['protected']}.{jws['payload']}".encode()
    numbers = {
        name: int.from_bytes(from_base64(jwk[name])) for name in _REQUIRED[jwk["kty"]] if name in "xyen"
    }
    try:
        if jwk["kty"] == "RSA":  # Certbot's accounts
            RSAPublicNumbers(**numbers).public_key().verify(raw, signed, PKCS1v15(), hashes.SHA256())
            return
        signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
        key = EllipticCurvePublicNumbers(**numbers, curve=SECP256R1()).public_key()
        key.verify(signature, signed, ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise RefusedError("malformed", "the signature is wrong", 400) from None


def _handler_for(ca: AcmeCa) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            if self.path != "/directory":
                self.reply(405, RefusedError("malformed", "POST-as-GET").document)
                return
            names = {"newNonce": "new-nonce", "newAccount": "new-account", "newOrder": "new-order"}
            meta = {
                "termsOfService": "https://ca.example/terms",
                "externalAccountRequired": bool(ca.external_key),
            }
            self.reply(200, {**{key: ca.link(f"/{path}") for key, path in names.items()}, "meta": meta})

        def do_HEAD(self) -> None:
            self.reply(200 if self.path == "/new-nonce" else 404, b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Type"] != "application/jose+json":
                self.reply(415, RefusedError("malformed").document)
                return
            try:
                self.reply(*ca.answer(self.path, json.loads(body)))
            except RefusedError as error:
                self.reply(error.status, error.document, {"Content-Type": "application/problem+json"})

        def reply(self, status: int, body: Json | bytes, fields: dict[str, str] | None = None) -> None:
            also: dict[str, str] = {}
            if isinstance(body, dict):
                body, also = ca.tamper(self.path, body)
                body = json.dumps(body).encode()
            nonce = secrets.token_urlsafe(16)
            ca.nonces.add(nonce)
            self.send_response(int(also.pop("status", status)))
            known = {"Content-Type": "application/json", "Replay-Nonce": nonce, "Cache-Control": "no-store"}
            for name, value in {**known, **(fields or {}), **also, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                with suppress(OSError):  # a client that has read enough hangs up
                    self.wfile.write(body)

        def handle(self) -> None:
            with suppress(OSError):  # one that does not trust this CA ends the handshake
                super().handle()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
            """Print nothing."""

    return Handler
