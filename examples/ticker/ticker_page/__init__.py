"""The ticker with a page for browsers beside it, which can log in once its Origin is in `listen.origins`."""

from pathlib import Path

from starlette.staticfiles import StaticFiles

from ticker.server import app


@app.mount("/page", session=False)
def page() -> StaticFiles:
    """Serve the files in `static`, under the policy that apps beside the API have."""
    return StaticFiles(directory=Path(__file__).with_name("static"), html=True)
