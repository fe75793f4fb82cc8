"""Tree math beyond what the vectors hold."""

import pytest

from parlour_mls import InvalidError
from parlour_mls.tree import tree_math


@pytest.mark.parametrize("leaves", [1, 2, 8, 32])
def test_common_ancestor_and_span_agree_with_paths(leaves: int) -> None:
    """The shortcuts of tree math give what walking the direct paths gives."""
    paths = [[2 * leaf, *tree_math.direct_path(2 * leaf, leaves)] for leaf in range(leaves)]
    for one in range(leaves):
        for other in range(leaves):
            expected = next(node for node in paths[one] if node in paths[other])
            assert tree_math.common_ancestor(one, other) == expected
    for node in range(tree_math.node_width(leaves)):
        assert list(tree_math.span(node)) == [leaf for leaf in range(leaves) if node in paths[leaf]]


@pytest.mark.parametrize("node", [-1, 7, 1 << 40])
def test_no_path_leads_up_from_outside_of_a_tree(node: int) -> None:
    """Walking up from a node that is not there would never end."""
    with pytest.raises(InvalidError, match="no node"):
        list(tree_math.direct_path(node, 4))
