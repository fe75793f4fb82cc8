"""The names of the chat: in file names, in sentences, and on its server's command line."""

from typing import Final

from parlour_server.core.program_name import ProgramName

NAME: Final = ProgramName(word="parlour", title="Parlour", command="parlour-server")
