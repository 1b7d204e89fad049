"""What the tools share: processes, errors, command lines, checks of the machine.

Only the standard library is needed, since nothing is installed when they start.
"""
