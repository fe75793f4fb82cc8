"""What tests of capabilities share with those of the core: a bare server, and a store on both engines."""

from tests.server.kit.conftest import kit_database, new_kit_database  # noqa: F401 - fixtures
from tests.server.kit.net.conftest import bench, every_loop, pair  # noqa: F401
from tests.server.kit.store.contract.conftest import world  # noqa: F401
