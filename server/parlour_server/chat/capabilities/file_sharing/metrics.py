"""What files take."""

from typing import Final

from parlour_server.app.metrics import Kind, Metric, Scope

FILES_BYTES: Final = Metric("files_bytes", Kind.GAUGE, "What uploaded files take", scope=Scope.DATABASE)
FILES_LIMIT: Final = Metric(
    "files_limit_bytes",
    Kind.GAUGE,
    "The most they may take (`files.total_bytes`)",
    scope=Scope.DATABASE,
)
FILE_METRICS: Final = (FILES_BYTES, FILES_LIMIT)
