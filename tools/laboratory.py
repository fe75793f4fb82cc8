"""The laboratory's rows as a page: for each attack its threat, its defence, and the test of the defence."""

from itertools import groupby

from parlour_lab.rows import rows


def attacks_page() -> str:
    """Return the page in Markdown, by topic; links are those of a page in `docs/reference/`."""
    parts = []
    table = sorted(rows().values(), key=lambda row: row.group)  # stable: by line within a topic
    for topic, found in groupby(table, key=lambda row: row.group):
        parts.append(f"## {topic.replace('_', ' ').capitalize()}")
        for row in found:
            files = ", ".join(f"`{file}`" for file in dict.fromkeys(one.file for one in row.defences))
            held = f"defended in {files}" if files else row.absent
            parts.append(
                f"### {row.id}\n\n{row.threat}\n\n"
                f"* {held}\n* attack `{row.attack}`: `parlour lab {row.id}`\n* test `{row.test}`"
            )
    return "\n\n".join(parts)
