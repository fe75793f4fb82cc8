"""What tests of capabilities share with those of the core: a bare server, and a store on both engines."""

from tests.server.core.net.conftest import bench, every_loop, pair  # noqa: F401
from tests.server.core.store.contract.conftest import world  # noqa: F401
from tests.server.shop_database import kit_database, new_kit_database  # noqa: F401 - fixtures
