"""The shells' completion: click's scripts, which ask the program what fits.

They are written here because a package can only install files: nothing of it runs on installation.
"""

from pathlib import Path
from typing import Final

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from tools.man_pages import PROGRAMS


class WholeWords(BashComplete):
    """Puts words together that bash breaks at `@` and `=`, which click takes for arguments of their own.

    What is offered is quoted: click's script would let the shell look for files with it.
    """

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' index type value word before=""
    local -a words=()

    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $before == @ ]]; then
            words[${#words[@]}-1]+=$word
        elif [[ $word != = ]]; then
            words+=("$word")
        elif [[ $index -eq $COMP_CWORD ]]; then
            words+=("")
        fi
        before=$word
    done

    COMPREPLY=()
    while IFS=, read -r type value; do
        if [[ $type == dir ]]; then
            compopt -o dirnames
        elif [[ $type == file ]]; then
            compopt -o default
        elif [[ $type == plain ]]; then
            COMPREPLY+=("$value")
        fi
    done < <(
        env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \\
            %(complete_var)s=bash_complete "$1" 2> /dev/null
    )
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class WholeDescriptions(FishComplete):
    """Splits an answer behind its kind; click's script splits at every comma, and cuts descriptions there."""

    source_template = FishComplete.source_template.replace("string split ", "string split --max 1 ")


SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "share/bash-completion/completions/{}": WholeWords,
    "share/zsh/site-functions/_{}": ZshComplete,
    "share/fish/vendor_completions.d/{}.fish": WholeDescriptions,
}
"""Where each shell looks for the script of a program below the prefix it is installed in."""


def files() -> dict[Path, str]:
    """Return the scripts of both programs."""
    return {
        Path(place.format(name)): _script(shell, root, name)
        for name, (root, *_) in PROGRAMS.items()
        for place, shell in SHELLS.items()
    }


def _script(shell: type[ShellComplete], root: click.Command, name: str) -> str:
    made = shell(root, {}, name, f"_{name.upper().replace('-', '_')}_COMPLETE")
    return shell.source_template % made.source_vars()
