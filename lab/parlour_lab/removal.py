"""Whether what stands in a defence's place only takes something away.

A row that writes a weakness in shows nothing about the lines that it names. So the words and signs of a
replacement must be those of the text, in their order, with some left out; ``pass``, a constant and brackets
may stand where a statement or a check was.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(r"\w+|<=|>=|==|!=|->|:=|\*\*|//|\|\||&&|[^\w\s]")
_COMMENT: Final = re.compile(r"#.*$", re.MULTILINE)
_ABSENT: Final = {"pass", "return", "True", "False", "None", "0", *"()[]{}:,\"'"}
"""What may stand where something was."""


def added(text: str, replacement: str) -> list[str]:
    """Return the words and signs of a replacement that the text does not have at that place, in their order.

    What turns a check around counts, too: a ``not`` that is left out before what it negates, and ``True`` in
    place of ``False`` or the other way round.
    """
    before, after = _TOKEN.findall(text), _TOKEN.findall(_COMMENT.sub("", replacement))
    answers, others = ({"True", "False"}.intersection(tokens) for tokens in (after, before))
    found, at = list(answers) if len(answers) == len(others) == 1 and answers != others else [], 0
    for token in after:
        try:
            place = before.index(token, at)
        except ValueError:
            if token not in _ABSENT:
                found.append(token)
            continue
        if token in _ABSENT:
            continue  # it stands for nothing, so what is between is not passed over for it
        if before[place - 1 : place] == ["not"] and place - 1 >= at:
            found.append(token)
        at = place + 1
    return found
