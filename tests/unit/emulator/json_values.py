"""JSON values that nobody expects."""

from typing import Any

from hypothesis import strategies as st


def json_like(*keys: str) -> st.SearchStrategy[Any]:
    """Any JSON, with a liking for these keys."""
    leaves = st.none() | st.booleans() | st.integers() | st.text()
    names = st.sampled_from(keys) | st.text()
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=8)
