"""Lets schemathesis make requests of `docs/openapi.json` to a real server (`make test-api ARGS=SECONDS`).

No answer may be a fault, or one that the document does not have. uv runs schemathesis in an environment of
its own, because it brings many packages that nothing else needs.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from parlour_lab.target import LabServer, prepare

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "openapi.json"
SECONDS: Final = 60
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
_ENDS_THE_SESSION: Final = "(DELETE /v1/sessions|POST /v1/(sessions|password)$)"
_VERSION: Final = "schemathesis==4.32.5"


def fuzz(seconds: int) -> int:
    """Run it; return the exit status: 0 if nothing was found."""
    if (uv := shutil.which("uv")) is None:
        print("uv is needed, which fetches schemathesis")
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepared, own = folder / "prepared", folder / "server"
        prepared.mkdir()
        prepare(prepared)
        server = LabServer(own, prepared)
        server.start()
        try:
            command = [uv, "tool", "run", "--from", _VERSION, "schemathesis", "run", str(DOCUMENT)]
            command += [
                "--url",
                f"https://localhost:{server.port}",
                "--tls-verify",
                str(server.data / "ca.pem"),
            ]
            command += [
                "--header",
                f"Authorization: Bearer {server.session()}",
                "--checks",
                ",".join(_CHECKS),
            ]
            command += ["--exclude-name-regex", _ENDS_THE_SESSION, "--phases", "coverage,fuzzing"]
            command += ["--max-time", str(seconds), "--continue-on-failure"]
            status = subprocess.run(command, check=False, cwd=own).returncode  # noqa: S603 - of this machine
            faults = [line for line in server.logged() if line["event"] == "fault"]
        finally:
            server.stop()
    for fault in faults:
        print("fault:", fault)
    return status or bool(faults)


if __name__ == "__main__":
    sys.exit(fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
