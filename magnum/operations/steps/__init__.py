"""Steps of operations.

A step is a function of a :class:`~magnum.operations.work.Work`; its name is
the step's name, stable between releases. It may run twice: what it makes
outside has a name derived from the bay and an entry in the ledger first, and
what is there already is adopted.
"""
