"""Which tests there are on which database."""

from tests import databases

#: SQLite has no connection that breaks.
collect_ignore = [] if databases.is_remote() else ['test_commits.py']
