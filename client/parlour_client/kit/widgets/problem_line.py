"""A sentence above the status line about what did not work, until the person does something else."""

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.widgets.safe import SafeStatic, error_content


class ProblemLine(SafeStatic, inherit_css=False):
    """Takes no room while there is nothing to say. A program's style for a SafeStatic is not for it."""

    DEFAULT_CSS = """
    ProblemLine {
        display: none; width: 1fr; height: auto; padding: 0 1;
        background: $panel; color: $error;
    }
    ProblemLine.shown { display: block; }
    """

    def tell(self, error: ParlourClientError | None) -> None:
        """Show an error, or nothing."""
        if error is not None:
            self.show(error_content(error))
        self.set_class(error is not None, "shown")
