"""Durable work on bays: accepted with the request, carried out by conductors.

A request stores an operation in its own transaction (:mod:`accept`). A
conductor claims it (:mod:`claims`), runs the steps of its verb and phase
(:mod:`runner`, :mod:`flows`, :mod:`steps`), and lets go of it while Heat
works; the :mod:`watcher` queues it again when the stack has moved.
"""
