"""Marks: which jobs something is true of."""

from hypothesis import given
from hypothesis import strategies as st

from lanectl.lane.marks import Marks


@given(st.lists(st.integers(0, 300)), st.lists(st.integers(0, 300)))
def test_marks_answer_as_a_set_would(first: list[int], then: list[int]) -> None:
    marks, known = Marks(first), set(first)

    for n in then:
        assert marks.add(n) == (n not in known)
        known.add(n)

    assert len(marks) == len(known)
    assert [n for n in range(302) if n in marks] == sorted(known)
