"""Wall three: code points that may never reach the terminal, by any author.

`FORBIDDEN` matches one code point that no output of the rule ever holds: controls (also LF, TAB and C1), line
and paragraph separators, bidi embeddings and isolates, invisible formats, private use, surrogates, unassigned
code points, and tag characters outside the three flags. It exempts what the rule lets through in context
(joiners, direction marks, variation selectors), without judging that context again. The terminal filter of
the client calls it; this module knows no terminal.
"""

import re
from typing import Final

from parlour_protocol.kit.text.unicode_data import BLACK_FLAG, FLAG_TAGS, class_body, table

REPLACEMENT: Final = "\ufffd"
"""The replacement that a filter writes for a match."""


def _ends_in_flag() -> str:
    """Return a pattern that holds right behind a tag at its place in a whole flag of the three."""
    return "|".join(
        f"(?<={BLACK_FLAG}{tags[:place]}){tags[place:]}"
        for tags in FLAG_TAGS
        for place in range(1, len(tags) + 1)
    )


# A class of what may pass, negated: safe by default, and at ordinary text the search is quick.
FORBIDDEN: Final = re.compile(f"[^{class_body(table('MAY_PASS'))}](?!{_ends_in_flag()})")
