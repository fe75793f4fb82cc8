"""The HTTPS API of a whole program, the chat: second factors are tested from its outside."""

from tests.server.core.https.conftest import *  # noqa: F403 - fixtures
