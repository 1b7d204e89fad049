"""What requests accept: a change of a bay and its operation, in the request's own transaction.

One module for each verb, and for what is asked of operations: cancel, retry.
Nothing here talks to the cloud. Callers lock the bay that they hand over: see
:mod:`magnum.db.repositories.locking`.
"""
