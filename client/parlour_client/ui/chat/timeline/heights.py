"""Heights of entries and their sums: a Fenwick tree, so that one change or one lookup costs log n.

It knows numbers only. ``store`` keeps one per timeline; a height is an estimate until the entry was drawn.
"""

from collections.abc import Iterable


class Heights:
    """A list of row counts with fast prefix sums."""

    __slots__ = ("_tree", "_values", "total")

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._values: list[int] = list(values)
        self._tree = [0, *self._values]
        tree, size = self._tree, len(self._tree)
        for node in range(1, size):
            parent = node + (node & -node)
            if parent < size:
                tree[parent] += tree[node]
        self.total = sum(self._values)
        """The rows of all entries."""

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> int:
        return self._values[index]

    def append(self, value: int) -> None:
        """Add an entry at the end."""
        node = len(self._tree)
        covered = node & -node  # this node sums this many entries, the new one included
        self._tree.append(value + self.before(node - 1) - self.before(node - covered))
        self._values.append(value)
        self.total += value

    def pop(self) -> int:
        """Remove the last entry and return its height."""
        self._tree.pop()
        value = self._values.pop()
        self.total -= value
        return value

    def set(self, index: int, value: int) -> None:
        """Change one height."""
        change = value - self._values[index]
        if not change:
            return
        self._values[index] = value
        self.total += change
        node = index + 1
        while node < len(self._tree):
            self._tree[node] += change
            node += node & -node

    def before(self, index: int) -> int:
        """Return the rows of the first ``index`` entries."""
        rows = 0
        while index:
            rows += self._tree[index]
            index &= index - 1
        return rows

    def find(self, row: int) -> tuple[int, int]:
        """Return (index, row within that entry) of a row counted from the top, at most the last row."""
        if row >= self.total:
            last = len(self._values) - 1
            return last, max(0, self._values[last] - 1)
        index, step = 0, 1 << (len(self._tree) - 1).bit_length()
        rest = max(0, row)
        while step:
            node = index + step
            if node < len(self._tree) and self._tree[node] <= rest:
                index, rest = node, rest - self._tree[node]
            step >>= 1
        return index, rest
