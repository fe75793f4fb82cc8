"""`python -m ticker_page run --data FOLDER`, and the other commands of the ticker's server."""

import ticker_page  # noqa: F401 - mounts the page
from ticker.server import app

app.main()
