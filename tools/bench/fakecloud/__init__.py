"""A small HTTP server that plays the cloud on one port, for load tests.

Everything is kept in memory and answered at once, so that what is measured is
the service under test. Every contender of a benchmark talks to the same
process: its own cost cancels out in a ratio.
"""
